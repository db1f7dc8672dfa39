import { append, lastDiscontinuitySequence, openEpoch, skipTo, type TimelineLog } from '../timeline/log.ts';
import { epochNumbers } from './intake-plan.ts';
import type { PendingSegment } from './pending.ts';

/**
 * The log with a pending segment as its newest entry, after the epoch or the skip that the segment begins; `names` are
 * the URIs per rung. Throws TIMELINE_VIOLATION where that would be no append.
 */
export function withEntry(
  log: TimelineLog,
  segment: PendingSegment,
  names: Readonly<Record<string, string>>,
): TimelineLog {
  return append(begun(log, segment), {
    msn: segment.msn,
    epoch: segment.epoch,
    durationSeconds: segment.durationSeconds,
    dateTime: segment.source.dateTime,
    discontinuity: segment.discontinuity,
    gap: segment.download.state === 'lost',
    names,
  });
}

function begun(log: TimelineLog, segment: PendingSegment): TimelineLog {
  const listed = lastDiscontinuitySequence(log);
  if (segment.start === 'epoch') return openEpoch(log, epochNumbers(segment, listed));
  if (segment.start === 'continue') return log;
  const ahead = segment.source.discontinuitySequence + log.discontinuityOffset - (segment.discontinuity ? 1 : 0);
  return skipTo(log, segment.msn, Math.max(ahead, listed));
}
