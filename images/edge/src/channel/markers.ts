import { isDateRange } from '../source/markers.ts';
import type { TimelineLog } from '../timeline/log.ts';
import type { PendingSegment } from './pending.ts';

/** Markers in front of one segment: a source that lists more at once has the rest in front of the next ones. */
const MAX_MARKERS = 16;

/**
 * Puts a source's ad markers in front of the segments that a look has brought. Those without a date stay where they are.
 * An EXT-X-DATERANGE means the same wherever it stands (RFC 8216bis 4.4.5.1), and sources add one at the top of the
 * playlist, or in front of a segment that is listed here already: the first new segment brings what is neither listed nor
 * on its way.
 * @param dateRanges all that the source lists now
 */
export function withMarkers(
  added: readonly PendingSegment[],
  dateRanges: readonly string[],
  log: TimelineLog,
  pending: readonly PendingSegment[],
): readonly PendingSegment[] {
  const [first, ...others] = added;
  if (first === undefined) return added;
  const known = new Set([...log.entries, ...pending].flatMap(({ markers }) => markers ?? []));
  const isNew = (marker: string): boolean => !isDateRange(marker) || !known.has(marker);
  const elsewhere = new Set(others.flatMap(({ markers }) => markers));
  const own = first.markers.filter(isNew);
  const late = dateRanges.filter((line) => isNew(line) && !elsewhere.has(line) && !own.includes(line));
  return [
    { ...first, markers: [...new Set(late), ...own].slice(0, MAX_MARKERS) },
    ...others.map((segment) => ({ ...segment, markers: segment.markers.filter(isNew) })),
  ];
}
