import type { ChannelStatus } from '@sluice/crds';
import { sameJson, sameJsonBut } from '../runtime/apply/json.ts';
import type { ChannelState } from './state.ts';
import type { Claim } from './write-turns.ts';

/** Counts and positions may be this old in the status; live numbers are in metrics and at the status URL. */
const COUNTS_EVERY_SECONDS = 15;
/** A count that changed by this part of itself is worth a write at once. */
const WORTH_TELLING = 0.1;

/**
 * A new wish is followed by the owner's answer within a round trip, and often by more viewers: what comes in this time is
 * told in one write. Nobody who looks at the API server sees the difference; the edges know long before.
 */
const SETTLE_SECONDS = 0.2;

/** What is told with the next write, or when its time has come: counts, the position, what waits for its window. */
const WAITING_FIELDS = ['viewers', 'lastMsn', 'pendingTransition'] as const;
const CAN_WAIT: ReadonlySet<string> = new Set(WAITING_FIELDS);

/** What of a channel's state its writes depend on. */
export type PlannedWrites = Pick<ChannelState, 'made' | 'removed' | 'wanted' | 'written' | 'writtenMs' | 'isWriting'>;

/** When a status has to be written; soon: as soon as other channels' changes leave room. */
export type Urgency = 'never' | 'later' | 'soon' | 'now';

/**
 * Compares a status with the one that was written last. Mode, conditions, session, decisions: now. Counts, positions
 * and what waits: later, or soon if the audience changed by a tenth.
 */
export function urgencyOf(next: ChannelStatus, written: ChannelStatus | undefined): Urgency {
  if (written === undefined || !sameJsonBut(next, written, CAN_WAIT)) return 'now';
  if (WAITING_FIELDS.every((field) => sameJson(next[field], written[field]))) return 'never';
  const before = written.viewers?.count ?? 0;
  const change = Math.abs((next.viewers?.count ?? 0) - before);
  return change > 0 && change >= before * WORTH_TELLING ? 'soon' : 'later';
}

/** Why a channel wants to write this status in the place of the one that was written last. */
export function claimOf(status: ChannelStatus, written: ChannelStatus | undefined, urgency: Urgency): Claim {
  const isWatched = [status.desiredMode, status.mode, written?.mode ?? 'Idle'].some((mode) => mode !== 'Idle');
  if (isWatched) return urgency === 'now' ? 'change' : 'count';
  return written === undefined ? 'first' : 'idle';
}

/**
 * Seconds until the writer has to look at what a plan wants written: for sessions, and the first word about a channel, at
 * once; null where it has nothing to do, or nothing before its turn.
 * @param reserve asks for a turn for what can wait
 */
export function settleSeconds(state: PlannedWrites, nowMs: number, reserve: (claim: Claim) => boolean): number | null {
  const { made, removed, wanted, written, writtenMs, isWriting } = state;
  if (wanted === undefined || written === undefined) return 0;
  if (made.size > 0 || removed.size > 0) {
    const isToMake = [...made.values()].some(({ metadata }) => metadata.uid === undefined);
    const isToDelete = [...removed.values()].some(({ deletedAtMs }) => deletedAtMs === null);
    return isToMake || isToDelete ? 0 : SETTLE_SECONDS;
  }
  // What is being written differs from what was written last, and so perhaps from what is wanted now.
  if (isWriting) return SETTLE_SECONDS;
  const urgency = urgencyOf(wanted, written);
  const wait = waitSeconds(urgency, writtenMs, nowMs);
  if (wait === null || wait > 0) return wait;
  const claim = claimOf(wanted, written, urgency);
  return claim === 'change' || reserve(claim) ? SETTLE_SECONDS : null;
}

/** Seconds until a status of this urgency may be written; 0: at once; null: not at all. */
export function waitSeconds(urgency: Urgency, writtenMs: number, nowMs: number): number | null {
  if (urgency === 'never') return null;
  return urgency !== 'later' ? 0 : Math.max(0, COUNTS_EVERY_SECONDS - (nowMs - writtenMs) / 1000);
}
