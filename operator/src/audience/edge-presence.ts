import type { CountState } from './count.ts';

/** The sidecar in an edge's pod. */
export interface EdgeProcess {
  /** Another one after each start; null where the edge is too old to say it. */
  readonly instance: string | null;
  /** How long ago it started, if another one served in this pod before; null otherwise. */
  readonly restartedSecondsAgo: number | null;
}

/** Of an edge that says nothing. */
export const UNTOLD: EdgeProcess = { instance: null, restartedSecondsAgo: null };

/** What the operator has heard of an edge pod. */
export interface EdgePresence {
  /** Never: nothing complete was ever heard. Synced: all said. Lost: link down, pod exists. Gone: the pod is gone. */
  state: 'never' | 'synced' | 'lost' | 'gone';
  ready: boolean;
  goneAtMs: number;
  /** Since when what it knows may differ from what the book knows. */
  silentSinceMs: number;
  /** Process in the pod that was linked last; null before the first link, and where the edge does not say it. */
  instance: string | null;
  /**
   * When it began to count in the place of another process of which nothing was heard, neither by this operator; null if
   * there was none.
   */
  forgotAtMs: number | null;
  /** Whether it has not yet said all on this connection. */
  isTelling: boolean;
  /** Whether something that it said on this connection, of channels that nobody follows, was too much to be kept. */
  isOverheard: boolean;
}

/** The times that a count depends on, in ms (since the epoch). */
export interface CountingTimes {
  readonly nowMs: number;
  /** Since when the operator counts. */
  readonly startedAtMs: number;
  readonly timeoutMs: number;
}

/**
 * What a channel's count is worth because of one edge. An edge that was started again while nobody counted for it knows
 * nothing of its viewers until they have shown up. An edge that is not ready gets no viewers, so one that was never heard of
 * hides none, except in the first `timeoutMs` of the operator: it may have had viewers under the operator's predecessor.
 */
export function stateFor(edge: EdgePresence, { nowMs, startedAtMs, timeoutMs }: CountingTimes): CountState {
  const isForgetful = edge.forgotAtMs !== null && nowMs < edge.forgotAtMs + timeoutMs;
  if (edge.state === 'synced') return isForgetful ? 'stale' : 'known';
  if (edge.state !== 'never') return 'stale';
  return edge.ready || nowMs < startedAtMs + timeoutMs ? 'unknown' : 'known';
}

/** When that may change without any message, in ms since the epoch; infinite if never. */
export function nextChangeOf(edge: EdgePresence, { nowMs, startedAtMs, timeoutMs }: CountingTimes): number {
  if (edge.state === 'synced' && edge.forgotAtMs === null) return Number.POSITIVE_INFINITY;
  const times: number[] = [];
  if (edge.state === 'gone') times.push(edge.goneAtMs + timeoutMs);
  if (edge.state === 'never' && !edge.ready) times.push(startedAtMs + timeoutMs);
  if (edge.forgotAtMs !== null) times.push(edge.forgotAtMs + timeoutMs);
  return Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > nowMs));
}

/** Whether an edge may have viewers and cannot be told anything now. */
export function isSilent({ state, ready }: EdgePresence): boolean {
  return state === 'lost' || (state === 'never' && ready);
}
