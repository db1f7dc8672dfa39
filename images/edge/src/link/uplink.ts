import { Coalescer } from '@sluice/common/link/coalesce.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { type SetTimer, setMachineTimer } from '@sluice/common/link/timer.ts';
import type { Audiences } from '../viewers/audiences.ts';
import { Goodbyes } from './goodbyes.ts';
import type { Peer } from './peer.ts';
import { changeMessages, pieces, snapshotMessages } from './viewer-changes.ts';

/** Changes after the first one are bundled for this long: a threshold is crossed at the operator within it. */
const CHANGES_INTERVAL_MS = 100;
/** Signs of life matter for decisions over tens of seconds. */
const SIGNS_INTERVAL_MS = 2_000;
/** Changes that may wait for a slow operator; beyond it the connection ends and the next snapshot says everything. */
const MAX_WAITING_CHANGES = 500_000;
/**
 * A channel that plays lists a segment every few seconds. The operator decides nothing by its number, and a successor
 * of this edge goes on from its own copy of the timeline: a thousand channels need not wake the operator for each.
 */
export const POSITION_INTERVAL_MS = 10_000;
/** Longest text of a viewer that goes on to the operator, as the protocol says. */
const MAX_SOURCE_ERROR_LENGTH = 500;

/** Where the uplink reads what it says. */
export interface UplinkSources {
  readonly audiences: Audiences;
  readonly routes: () => readonly Route[];
  /** The newest owner report of each channel that has one. */
  readonly reports: () => readonly OwnerReport[];
  /** Milliseconds of a clock that never steps back, and timers; the machine's if left out. */
  readonly time?: { readonly now: () => number; readonly setTimer: SetTimer };
}

/**
 * What the edge tells the operator: a snapshot after each connect, then changes. Without a connection nothing is kept
 * but one source error per channel: the next snapshot makes up for the rest.
 */
export class Uplink {
  readonly #sources: UplinkSources;
  readonly #changed = new Map<string, Set<string>>();
  readonly #goodbyes: Goodbyes;
  readonly #sourceErrors = new Map<string, string>();
  /** What was reported last of each channel but its position, and when. */
  readonly #told = new Map<string, { readonly story: string; readonly atMs: number }>();
  readonly #changes: Coalescer;
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  #waitingChanges = 0;
  #stopSigns: (() => void) | null = null;
  #peer: Peer | null = null;
  #leaving = false;

  constructor(sources: UplinkSources) {
    this.#sources = sources;
    this.#now = sources.time?.now ?? (() => performance.now());
    this.#setTimer = sources.time?.setTimer ?? setMachineTimer;
    this.#goodbyes = new Goodbyes(this.#now);
    this.#changes = new Coalescer(CHANGES_INTERVAL_MS, () => this.#sendChanges(), this.#setTimer);
  }

  /** An operator has proved itself: it hears everything, ending with `synced`. */
  connect(peer: Peer): void {
    this.disconnect();
    this.#peer = peer;
    if (this.#leaving) peer.send({ type: 'leaving' });
    for (const { uid, reportSigns } of this.#sources.routes()) {
      if (reportSigns) this.#sources.audiences.takeSigns(uid);
      for (const message of snapshotMessages(uid, this.#sources.audiences.counted(uid))) peer.send(message);
    }
    this.#told.clear();
    for (const report of this.#sources.reports()) this.report(report);
    peer.send({ type: 'synced' });
    for (const message of this.#goodbyes.takeAgain()) peer.send(message);
    for (const [uid, message] of this.#sourceErrors) peer.send({ type: 'sourceError', uid, message });
    this.#sourceErrors.clear();
    this.#awaitSigns();
  }

  /** The connection is gone. */
  disconnect(): void {
    this.#peer = null;
    this.#changes.close();
    this.#changed.clear();
    this.#waitingChanges = 0;
    this.#stopSigns?.();
    this.#stopSigns = null;
  }

  /** This edge ends soon: the operator hears it now, and whenever one connects. */
  leave(): void {
    this.#leaving = true;
    this.#peer?.send({ type: 'leaving' });
  }

  /** A viewer joined, left, or gained or lost trust. */
  viewerChanged(uid: string, hash: string): void {
    if (this.#peer === null) return;
    const hashes = this.#changed.get(uid) ?? new Set();
    this.#changed.set(uid, hashes);
    if (!hashes.has(hash)) this.#waitingChanges += 1;
    hashes.add(hash);
    if (this.#waitingChanges > MAX_WAITING_CHANGES) this.#peer.close('TOO_SLOW', 'too many changes wait');
    else this.#changes.request();
  }

  /** A viewer said goodbye here, whether or not this edge counted it. Kept for an operator that is away. */
  viewerLeft(uid: string, hash: string): void {
    this.#goodbyes.add(uid, hash);
    if (this.#peer !== null) this.#changes.request();
  }

  /** Something about a channel that this edge owns has changed. */
  report(report: OwnerReport): void {
    if (this.#peer === null) return;
    const story = JSON.stringify(withoutPosition(report));
    const told = this.#told.get(report.uid);
    const atMs = this.#now();
    if (told?.story === story && atMs - told.atMs < POSITION_INTERVAL_MS) return;
    this.#told.set(report.uid, { story, atMs });
    this.#peer.send({ type: 'report', report });
  }

  /** A viewer cannot reach a Direct source. Control characters go: the text ends up in a condition. */
  sourceError(uid: string, text: string): void {
    const message = text.replace(/\p{Cc}/gu, ' ').slice(0, MAX_SOURCE_ERROR_LENGTH);
    if (this.#peer === null) this.#sourceErrors.set(uid, message);
    else this.#peer.send({ type: 'sourceError', uid, message });
  }

  /** A channel is gone. */
  forget(uid: string): void {
    this.#sourceErrors.delete(uid);
    this.#told.delete(uid);
  }

  #sendChanges(): void {
    const peer = this.#peer;
    if (peer === null) return;
    if (peer.busy) {
      this.#changes.request();
      return;
    }
    for (const [uid, hashes] of this.#changed) {
      for (const message of changeMessages(uid, hashes, (hash) => this.#sources.audiences.byHash(uid, hash))) {
        peer.send(message);
      }
    }
    for (const message of this.#goodbyes.take()) peer.send(message);
    this.#changed.clear();
    this.#waitingChanges = 0;
  }

  #awaitSigns(): void {
    this.#stopSigns = this.#setTimer(() => {
      this.#awaitSigns();
      this.#sendSigns();
    }, SIGNS_INTERVAL_MS);
  }

  #sendSigns(): void {
    const peer = this.#peer;
    if (peer === null || peer.busy) return;
    for (const { uid, reportSigns } of this.#sources.routes()) {
      if (!reportSigns) continue;
      const signs = this.#sources.audiences.takeSigns(uid);
      if (signs.length > 0) for (const ids of pieces(signs)) peer.send({ type: 'signs', uid, ids });
    }
  }
}

/** A report without what changes with each segment. */
export function withoutPosition({ lastMsn: _msn, session, ...rest }: OwnerReport): object {
  if (session === null) return rest;
  const { outTimeSeconds: _time, speed: _speed, ...state } = session;
  return { ...rest, session: state };
}
