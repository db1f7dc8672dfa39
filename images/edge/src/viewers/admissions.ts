import { Coalescer } from '@sluice/common/link/coalesce.ts';
import type { EdgeMessage, OperatorMessage, Route } from '@sluice/common/link/messages.ts';
import { type SetTimer, setMachineTimer } from '@sluice/common/link/timer.ts';
import { type Audiences, channelFull } from './audiences.ts';
import { sessionIdHash } from './session-id.ts';

/** Questions after the first one are bundled for this long. */
const BUNDLE_MS = 10;
/** An operator that is there answers within milliseconds; a viewer need not wait longer than this for one that is not. */
const ANSWER_MS = 1_000;
/** An operator that did not answer (it is busy, or of a version that cannot) is left alone for this long. */
const MUTE_MS = 5_000;
/** Viewers who wait for an answer at a time, about 300 bytes each; beyond it the edge decides by itself. */
const MAX_WAITING = 20_000;
/** Ids in one question: well inside a frame. */
const MAX_IDS_PER_QUESTION = 10_000;

type Verdict = 'admitted' | 'refused' | 'undecided';
type Answer = Extract<OperatorMessage, { type: 'admission' }>;

/** Where questions go. */
export interface AdmissionPeer {
  send(message: EdgeMessage): void;
}

interface Waiting {
  readonly uid: string;
  readonly hash: string;
  readonly verdict: Promise<Verdict>;
  readonly settle: (verdict: Verdict) => void;
}

/**
 * Asks the operator before a channel with `maxViewers` lets a new viewer in: it alone knows the viewers of all edges and
 * whom it has let in elsewhere. Without an answer each edge decides by the counts that it knows ({@link Audiences}).
 */
export class Admissions {
  readonly #audiences: Audiences;
  readonly #setTimer: SetTimer;
  readonly #bundle: Coalescer;
  readonly #waiting = new Map<string, Waiting>();
  #unasked: Waiting[] = [];
  #peer: AdmissionPeer | null = null;
  /** Ends the time in which an operator that did not answer is not asked; null while it is. */
  #callOffMute: (() => void) | null = null;

  constructor(audiences: Audiences, setTimer: SetTimer = setMachineTimer) {
    this.#audiences = audiences;
    this.#setTimer = setTimer;
    this.#bundle = new Coalescer(BUNDLE_MS, () => this.#ask(), setTimer);
  }

  /** An operator has proved itself. */
  connect(peer: AdmissionPeer): void {
    this.disconnect();
    this.#peer = peer;
  }

  /** The connection is gone: those who wait are decided about here. */
  disconnect(): void {
    this.#peer = null;
    this.#listen();
    this.#bundle.close();
    this.#unasked = [];
    for (const { settle } of [...this.#waiting.values()]) settle('undecided');
  }

  /**
   * Settles whether a viewer may come, where the channel has a limit and the viewer is not counted here.
   * @throws SluiceError `STREAM_LIMIT_EXCEEDED` (429) where the operator has no seat
   */
  async ask(route: Route, id: string): Promise<void> {
    if (route.maxViewers === undefined || this.#audiences.isIn(route, id)) return;
    if (this.#peer === null || this.#callOffMute !== null || this.#waiting.size >= MAX_WAITING) return;
    const hash = sessionIdHash(id);
    const verdict = await (this.#waiting.get(nameOf(route.uid, hash)) ?? this.#wait(route.uid, hash)).verdict;
    if (verdict === 'refused') throw channelFull(route);
    if (verdict === 'admitted') this.#audiences.letIn(route, id);
  }

  /** What the operator says. */
  answered({ uid, admitted, refused, undecided }: Answer): void {
    this.#listen();
    for (const hash of admitted) this.#waiting.get(nameOf(uid, hash))?.settle('admitted');
    for (const hash of refused) this.#waiting.get(nameOf(uid, hash))?.settle('refused');
    for (const hash of undecided) this.#waiting.get(nameOf(uid, hash))?.settle('undecided');
  }

  #wait(uid: string, hash: string): Waiting {
    const name = nameOf(uid, hash);
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const callOff = this.#setTimer(() => {
      this.#mute();
      waiting.settle('undecided');
    }, ANSWER_MS);
    const settle = (verdict: Verdict): void => {
      callOff();
      this.#waiting.delete(name);
      resolve(verdict);
    };
    const waiting: Waiting = { uid, hash, verdict: promise, settle };
    this.#waiting.set(name, waiting);
    this.#unasked.push(waiting);
    this.#bundle.request();
    return waiting;
  }

  /** Asks nobody for a while: viewers need not wait for an operator that does not answer. */
  #mute(): void {
    this.#callOffMute ??= this.#setTimer(() => this.#listen(), MUTE_MS);
  }

  #listen(): void {
    this.#callOffMute?.();
    this.#callOffMute = null;
  }

  #ask(): void {
    const byChannel = Map.groupBy(this.#unasked, ({ uid }) => uid);
    this.#unasked = [];
    for (const [uid, waiting] of byChannel) {
      for (let start = 0; start < waiting.length; start += MAX_IDS_PER_QUESTION) {
        const ids = waiting.slice(start, start + MAX_IDS_PER_QUESTION).map(({ hash }) => hash);
        this.#peer?.send({ type: 'admit', uid, ids });
      }
    }
  }
}

function nameOf(uid: string, hash: string): string {
  return `${uid} ${hash}`;
}
