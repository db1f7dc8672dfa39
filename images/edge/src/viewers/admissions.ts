import { Coalescer } from '@sluice/common/link/coalesce.ts';
import type { EdgeMessage, OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
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
/**
 * A crowd that asks at once shares the seats that there are, and from there to the first media playlist it is a round trip
 * or two. No longer, because programs that read nothing else must not keep players from it.
 */
const PROVISIONAL_SECONDS = 0.25;
/** The operator keeps a seat for longer than the edge needs none: its answer and the edge's news are on their way. */
const HOLD_MARGIN_SECONDS = 3;

type Verdict = 'admitted' | 'refused' | 'undecided';

/** `look`: asks for the multivariant playlist, and is no viewer yet. `watch`: shows a sign of life that counts. */
export type Intent = 'look' | 'watch';
type Question = Extract<EdgeMessage, { type: 'admit' }>;
type Answer = Extract<OperatorMessage, { type: 'admission' }>;

/** Where questions go. */
export interface AdmissionPeer {
  send(message: EdgeMessage): void;
}

interface Waiting {
  readonly route: Route;
  readonly intent: Intent;
  readonly hash: string;
  readonly listeners: ((verdict: Verdict) => void)[];
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
    audiences.onLeave((uid, hash) => this.#left(nameOf(uid, hash)));
  }

  /** An operator has proved itself. Seats of those whom another one, or this edge, let in a moment ago it does not know. */
  connect(peer: AdmissionPeer): void {
    this.disconnect();
    this.#peer = peer;
    for (const [route, hashes] of this.#audiences.uncounted()) this.#claim(route, hashes);
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
   * @returns whether the operator has decided; else the edge has to ({@link Audiences.admit})
   * @throws SluiceError `STREAM_LIMIT_EXCEEDED` (429) where the operator has no seat
   */
  ask(route: Route, id: string, intent: Intent): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.decide(route, id, intent, (verdict) => {
        if (verdict === 'refused') reject(channelFull(route));
        else resolve(verdict === 'admitted');
      });
    });
  }

  /** As {@link ask}, told to a listener: at once where nobody need be asked. */
  decide(route: Route, id: string, intent: Intent, listener: (verdict: Verdict) => void): void {
    const isOpen = route.maxViewers === undefined || this.#audiences.isIn(route, id);
    const isSilent = this.#peer === null || this.#callOffMute !== null || this.#waiting.size >= MAX_WAITING;
    if (isOpen || isSilent) {
      listener(isOpen ? 'admitted' : 'undecided');
      return;
    }
    const hash = sessionIdHash(id);
    const known = this.#waiting.get(nameOf(route.uid, hash));
    const waiting = known ?? this.#wait(route, intent, hash);
    waiting.listeners.push((verdict) => {
      // There was a seat to look at; to take it is another question.
      if (verdict === 'admitted' && intent === 'watch' && waiting.intent === 'look') {
        this.decide(route, id, intent, listener);
        return;
      }
      if (verdict === 'admitted' && intent === 'watch') this.#audiences.letIn(route, id);
      listener(verdict);
    });
    // Last: the answer may be there before this returns.
    if (known === undefined) this.#bundle.request();
  }

  /** What the operator says. */
  answered({ uid, admitted, refused, undecided }: Answer): void {
    this.#listen();
    for (const hash of admitted) this.#waiting.get(nameOf(uid, hash))?.settle('admitted');
    for (const hash of refused) this.#waiting.get(nameOf(uid, hash))?.settle('refused');
    for (const hash of undecided) this.#waiting.get(nameOf(uid, hash))?.settle('undecided');
  }

  #wait(route: Route, intent: Intent, hash: string): Waiting {
    const name = nameOf(route.uid, hash);
    const listeners: Waiting['listeners'] = [];
    const callOff = this.#setTimer(() => {
      this.#mute();
      settle('undecided');
    }, ANSWER_MS);
    const settle = (verdict: Verdict): void => {
      callOff();
      this.#waiting.delete(name);
      for (const listener of listeners) listener(verdict);
    };
    const waiting: Waiting = { route, intent, hash, listeners, settle };
    this.#waiting.set(name, waiting);
    this.#unasked.push(waiting);
    return waiting;
  }

  /** Who has left needs no seat: one that is not asked for yet would be kept for nobody, and an answer lets nobody in. */
  #left(name: string): void {
    this.#waiting.get(name)?.settle('undecided');
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
    const waiting = this.#unasked.filter((one) => this.#waiting.get(nameOf(one.route.uid, one.hash)) === one);
    const groups = Map.groupBy(waiting, ({ route, intent }) => `${intent} ${route.uid}`);
    this.#unasked = [];
    for (const [first, ...others] of groups.values()) {
      if (first === undefined) continue;
      const hashes = [first, ...others].map(({ hash }) => hash);
      const hold =
        first.intent === 'look'
          ? { holdSeconds: PROVISIONAL_SECONDS, provisional: true }
          : { holdSeconds: this.#holdSeconds(first.route), provisional: false };
      this.#send(first.route, hashes, { ...hold, letIn: false });
    }
  }

  #claim(route: Route, hashes: readonly string[]): void {
    this.#send(route, hashes, { holdSeconds: this.#holdSeconds(route), provisional: false, letIn: true });
  }

  #holdSeconds(route: Route): number {
    return this.#audiences.letInMs(route) / 1000 + HOLD_MARGIN_SECONDS;
  }

  #send({ uid }: Route, hashes: readonly string[], how: Omit<Question, 'type' | 'uid' | 'ids'>): void {
    for (let start = 0; start < hashes.length; start += MAX_IDS_PER_QUESTION) {
      const ids = hashes.slice(start, start + MAX_IDS_PER_QUESTION);
      this.#peer?.send({ type: 'admit', uid, ids, ...how });
    }
  }
}

function nameOf(uid: string, hash: string): string {
  return `${uid} ${hash}`;
}
