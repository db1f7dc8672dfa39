import type { Channel, ChannelStatus, Decision as DecisionRecord, Rung } from '@sluice/crds';
import type { PreviousDecision } from './decision.ts';
import type { Ownership } from './owners.ts';

/**
 * What the operator has to remember of a channel from one reconciliation to the next. It stands in the Channel's status
 * too, so that an operator that takes over goes on where the last one stopped.
 */
export interface ChannelMemory {
  readonly decision: PreviousDecision;
  /** The last changes of the mode, the oldest first. */
  readonly decisions: readonly DecisionRecord[];
  /** When the desired mode last changed after a wait, ms since the epoch; null: never. */
  readonly lastDelayedMs: number | null;
  /** A viewer could not reach the source: no Direct before this time. */
  readonly directSuspendedUntilMs: number | null;
  /** A transcode failed: no new one before this time. */
  readonly transcodeSuspendedUntilMs: number | null;
  /** Transcodes in a row that failed. */
  readonly transcodeFailures: number;
  /** Why the last transcode failed and when the next may start, as conditions say it; empty: not known. */
  readonly transcodeFailure: string;
  /** Number of the last StreamSession; names are never used again. */
  readonly serial: number;
  /** Name of the StreamSession whose failure is already counted. */
  readonly countedFailure: string;
  /** The ladder that the playlists name; null before the source's height was known. */
  readonly ladder: readonly Rung[] | null;
  readonly ownership: Ownership | null;
  /** Name of the edge pod that owned the channel when this operator began to lead; empty: none, or not known. */
  readonly formerOwner: string;
  /** The last count that was known. */
  readonly knownViewers: number;
}

/** What is remembered of a channel that this operator sees for the first time: what its status tells. */
export function remember(channel: Channel, nowMs: number): ChannelMemory {
  const status: ChannelStatus = channel.status ?? {};
  const pending = status.pendingTransition;
  return {
    decision: {
      mode: status.desiredMode ?? 'Idle',
      sinceMs: pastOf(status.lastTransitionTime, nowMs),
      pending: pending === undefined ? null : { target: pending.target, sinceMs: pastOf(pending.since, nowMs) },
    },
    decisions: status.decisions ?? [],
    lastDelayedMs: timeOf(status.lastDelayedTransitionTime),
    directSuspendedUntilMs: timeOf(status.directSuspendedUntil),
    transcodeSuspendedUntilMs: timeOf(status.transcodeSuspendedUntil),
    transcodeFailures: status.transcodeFailures ?? 0,
    transcodeFailure: status.conditions?.find(({ reason }) => reason === 'TranscodeFailed')?.message ?? '',
    serial: status.session?.serial ?? 0,
    countedFailure: '',
    ladder: status.ladder ?? null,
    ownership: null,
    formerOwner: status.owner ?? '',
    knownViewers: status.viewers?.count ?? 0,
  };
}

/** Since when something is so. What lies in the future was written by a clock that was wrong, and is taken for now. */
function pastOf(text: string | undefined, nowMs: number): number {
  return Math.min(nowMs, timeOf(text) ?? nowMs);
}

function timeOf(text: string | undefined): number | null {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
