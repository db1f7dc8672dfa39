import type { ChannelStatus } from '@sluice/crds';
import { sameJson } from '../runtime/apply/apply.ts';
import type { ChannelState } from './state.ts';

/** Counts and positions may be this old in the status; live numbers are in metrics and at the status URL. */
const COUNTS_EVERY_SECONDS = 15;
/** A count that changed by this part of itself is worth a write at once. */
const WORTH_TELLING = 0.1;

/**
 * A new wish is followed by the owner's answer within a round trip, and often by more viewers: what comes in this time is
 * told in one write. Nobody who looks at the API server sees the difference; the edges know long before.
 */
const SETTLE_SECONDS = 0.2;

/** When a status has to be written; soon: as soon as other channels' changes leave room. */
export type Urgency = 'never' | 'later' | 'soon' | 'now';

/**
 * Compares a status with the one that was written last. Mode, conditions, session, decisions: now. Counts, positions
 * and what waits: later, or soon if the audience changed by a tenth.
 */
export function urgencyOf(next: ChannelStatus, written: ChannelStatus | undefined): Urgency {
  if (written === undefined) return 'now';
  if (sameJson(next, written)) return 'never';
  if (!sameJson(essence(next), essence(written))) return 'now';
  const before = written.viewers?.count ?? 0;
  const change = Math.abs((next.viewers?.count ?? 0) - before);
  return change > 0 && change >= before * WORTH_TELLING ? 'soon' : 'later';
}

function essence(status: ChannelStatus): Partial<ChannelStatus> {
  const { viewers: _counts, lastMsn: _position, pendingTransition: _waiting, ...rest } = status;
  return rest;
}

/** Seconds until what a plan wants written is written: sessions, and the first word about a channel, at once. */
export function settleSeconds({ made, removed, written }: Pick<ChannelState, 'made' | 'removed' | 'written'>): number {
  const isToMake = [...made.values()].some(({ metadata }) => metadata.uid === undefined);
  const isToDelete = [...removed.values()].some(({ deletedAtMs }) => deletedAtMs === null);
  return isToMake || isToDelete || written === undefined ? 0 : SETTLE_SECONDS;
}

/** Seconds until a status of this urgency may be written; 0: at once; null: not at all. */
export function waitSeconds(urgency: Urgency, writtenMs: number, nowMs: number): number | null {
  if (urgency === 'never') return null;
  return urgency !== 'later' ? 0 : Math.max(0, COUNTS_EVERY_SECONDS - (nowMs - writtenMs) / 1000);
}
