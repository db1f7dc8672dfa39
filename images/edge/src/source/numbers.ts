import type { SourcePlaylist, SourceSegment } from './parse.ts';

/** How far two renditions may be apart where a segment begins: frames of audio, and pictures that are shown late. */
const LEAST_TOLERANCE_SECONDS = 0.3;

/**
 * The same as a share of the segment: players go by timestamps, and find what follows in the segment beside the one that they
 * asked for. Farther apart they load what they need too late, or twice.
 */
const TOLERANCE_SHARE = 0.25;

/** The most: of long segments a quarter would be more than players skip over where they begin or change. */
const MOST_TOLERANCE_SECONDS = 0.5;

/** Segments that must be compared before their durations alone tell which ones are of the same time. */
const MIN_PATTERN = 5;

/** How exactly packagers write the duration of one segment into two playlists. */
const PATTERN_TOLERANCE_SECONDS = 0.02;

/**
 * Segments over which durations may differ together: as many as are looked at of a live playlist. Of a recording the roundings of
 * thousands would add up, which no player notices that has a window of them.
 */
const SPAN_SEGMENTS = 60;

/** Seconds that renditions may be apart where segments of this duration begin. */
export function toleranceSeconds(durationSeconds: number): number {
  return Math.min(MOST_TOLERANCE_SECONDS, Math.max(LEAST_TOLERANCE_SECONDS, TOLERANCE_SHARE * durationSeconds));
}

/** A rendition's playlist with the numbers that the reference has for the same time. */
export function renumbered(playlist: SourcePlaylist, msnOffset: number): SourcePlaylist {
  if (msnOffset === 0) return playlist;
  return { ...playlist, segments: playlist.segments.map((one) => ({ ...one, msn: one.msn - msnOffset })) };
}

/** Seconds from the beginning of one segment to that of another, by their indices in one playlist. */
export function secondsBetween(segments: readonly SourceSegment[], from: number, to: number): number {
  const between = segments.slice(Math.min(from, to), Math.max(from, to));
  return Math.sign(to - from) * between.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
}

/** Index of the segment that begins nearest to `seconds` behind the beginning of the segment `from`. */
export function indexAt(segments: readonly SourceSegment[], from: number, seconds: number): number {
  const step = seconds < 0 ? -1 : 1;
  let index = from;
  let at = 0;
  for (;;) {
    const next = at + secondsBetween(segments, index, index + step);
    const isListed = segments[index + step] !== undefined;
    if (!isListed || Math.abs(next - seconds) >= Math.abs(at - seconds)) return index;
    index += step;
    at = next;
  }
}

/**
 * Why segments of equal numbers are not of the same time, in words, where those numbered `msn` begin together; null if they
 * are as far as the playlists tell: over {@link SPAN_SEGMENTS} each begins when the other does, give or take `tolerance` seconds.
 */
export function durationMismatch(
  reference: SourcePlaylist,
  other: SourcePlaylist,
  msn: number,
  tolerance: number,
): string | null {
  const twins = new Map(other.segments.map((one) => [one.msn, one]));
  let apart = 0;
  let begins = 0;
  const all: number[] = [];
  for (const segment of reference.segments) {
    const twin = twins.get(segment.msn);
    if (twin === undefined) continue;
    if (segment.msn === msn) begins = all.length;
    all.push(apart);
    apart += twin.durationSeconds - segment.durationSeconds;
  }
  all.push(apart);
  const most = all.reduce((found, one, index) => {
    const nearer = index < begins ? Math.min(begins, index + SPAN_SEGMENTS) : Math.max(begins, index - SPAN_SEGMENTS);
    return Math.max(found, Math.abs(one - (all[nearer] ?? 0)));
  }, 0);
  if (most <= tolerance) return null;
  return `${all.length - 1} of its segments last up to ${most.toFixed(1)} s more or less than those of the picture`;
}

/** Index in `other` of the segment with the date of a reference's; null where dates do not tell. */
export function indexByDate(segment: SourceSegment, { segments }: Pick<SourcePlaylist, 'segments'>): number | null {
  if (segment.dateTime === null) return null;
  const date = Date.parse(segment.dateTime);
  const apart = segments.map(({ dateTime }) =>
    dateTime === null ? Number.POSITIVE_INFINITY : Math.abs(Date.parse(dateTime) - date) / 1000,
  );
  const least = Math.min(...apart);
  return least <= toleranceSeconds(segment.durationSeconds) ? apart.indexOf(least) : null;
}

/**
 * Offset of another rendition's numbers against the reference's by durations alone: where both have ended with as many
 * segments, or where durations change from segment to segment and agree in one way only. Null where they do not tell.
 */
export function offsetByDurations(reference: SourcePlaylist, other: SourcePlaylist): number | null {
  const [mine, theirs] = [reference.segments, other.segments];
  const [first, otherFirst] = [mine[0], theirs[0]];
  if (first === undefined || otherFirst === undefined) return null;
  if (reference.ended && other.ended && mine.length === theirs.length) return otherFirst.msn - first.msn;
  const fits = (shift: number): boolean => {
    const pairs = mine.flatMap((one, index) => {
      const twin = theirs[index + shift];
      return twin === undefined ? [] : [Math.abs(twin.durationSeconds - one.durationSeconds)];
    });
    return pairs.length >= MIN_PATTERN && pairs.every((apart) => apart <= PATTERN_TOLERANCE_SECONDS);
  };
  // What has ended may have thousands of segments, which would be compared with as many.
  if (reference.ended || other.ended) return null;
  const shifts = Array.from({ length: mine.length + theirs.length - 1 }, (_, index) => index - mine.length + 1);
  const found = shifts.filter(fits);
  const [only] = found;
  return found.length === 1 && only !== undefined ? otherFirst.msn + only - first.msn : null;
}
