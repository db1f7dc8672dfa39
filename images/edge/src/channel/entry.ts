import {
  append,
  emptied,
  fitsContainer,
  lastDiscontinuitySequence,
  openEpoch,
  skipTo,
  type TimelineLog,
} from '../timeline/log.ts';
import { epochNumbers } from './intake-plan.ts';
import type { Listing } from './materialise.ts';
import type { PendingSegment } from './pending.ts';

/**
 * The log with a pending segment as its newest entry, after the epoch or the skip that the segment begins. A new epoch in
 * another container takes the place of everything listed. Throws TIMELINE_VIOLATION where that would be no append.
 */
export function withEntry(log: TimelineLog, segment: PendingSegment, listing: Listing): TimelineLog {
  const gap = segment.download.state === 'lost';
  const base = begun(log, segment);
  const mixes = segment.start === 'epoch' && !gap && !fitsContainer(base, listing.map);
  return append(mixes ? emptied(base) : base, {
    msn: segment.msn,
    epoch: segment.epoch,
    durationSeconds: segment.durationSeconds,
    dateTime: segment.source.dateTime,
    discontinuity: segment.discontinuity,
    gap,
    ...listing,
    ...(segment.markers.length === 0 ? {} : { markers: segment.markers }),
  });
}

function begun(log: TimelineLog, segment: PendingSegment): TimelineLog {
  const listed = lastDiscontinuitySequence(log);
  if (segment.start === 'epoch') return openEpoch(log, epochNumbers(segment, listed));
  if (segment.start === 'continue') return log;
  const ahead = segment.source.discontinuitySequence + log.discontinuityOffset - (segment.discontinuity ? 1 : 0);
  return skipTo(log, segment.msn, Math.max(ahead, listed));
}
