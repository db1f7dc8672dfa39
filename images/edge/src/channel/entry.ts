import type { SluiceError } from '@sluice/common/errors/error.ts';
import { sourceError } from '../source/errors.ts';
import {
  append,
  emptied,
  entryBytes,
  fitsContainer,
  lastDiscontinuitySequence,
  MAX_ENTRY_BYTES,
  openEpoch,
  skipTo,
  type TimelineEntry,
  type TimelineLog,
} from '../timeline/log.ts';
import { epochNumbers } from './intake-plan.ts';
import type { Listing } from './materialise.ts';
import type { PendingSegment } from './pending.ts';

/**
 * A pending segment as it is listed. Its ad markers are left out where they would make it longer than an entry may be
 * ({@link MAX_ENTRY_BYTES}).
 */
export function entryOf(segment: PendingSegment, listing: Listing): TimelineEntry {
  const plain: TimelineEntry = {
    msn: segment.msn,
    epoch: segment.epoch,
    durationSeconds: segment.durationSeconds,
    dateTime: segment.source.dateTime,
    discontinuity: segment.discontinuity,
    gap: segment.download.state === 'lost',
    ...listing,
  };
  if (segment.markers.length === 0) return plain;
  const marked = { ...plain, markers: segment.markers };
  return entryBytes(marked) > MAX_ENTRY_BYTES ? plain : marked;
}

/** Why a segment cannot be listed as it is; null where it can. What edges send to each other has an end. */
export function tooLongFor(entry: TimelineEntry): SluiceError | null {
  const bytes = entryBytes(entry);
  if (entry.gap || bytes <= MAX_ENTRY_BYTES) return null;
  const message = `The URLs and keys of one segment have ${bytes} characters in all renditions together, at most ${MAX_ENTRY_BYTES} are carried: shorten them`;
  return sourceError('PLAYLIST_INVALID', message);
}

/**
 * The log with a pending segment, as `entry`, for its newest one, after the epoch or the skip that the segment begins. A new
 * epoch in another container takes the place of everything listed. Throws TIMELINE_VIOLATION where that would be no append.
 */
export function withEntry(log: TimelineLog, segment: PendingSegment, entry: TimelineEntry): TimelineLog {
  const base = begun(log, segment);
  const mixes = segment.start === 'epoch' && !entry.gap && !fitsContainer(base, entry.map);
  return append(mixes ? emptied(base) : base, entry);
}

function begun(log: TimelineLog, segment: PendingSegment): TimelineLog {
  const listed = lastDiscontinuitySequence(log);
  if (segment.start === 'epoch') return openEpoch(log, epochNumbers(segment, listed));
  if (segment.start === 'continue') return log;
  const ahead = segment.source.discontinuitySequence + log.discontinuityOffset - (segment.discontinuity ? 1 : 0);
  return skipTo(log, segment.msn, Math.max(ahead, listed));
}
