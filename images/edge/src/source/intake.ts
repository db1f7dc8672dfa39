import type { SourcePlaylist, SourceSegment } from './parse.ts';

/** A segment of the source that has been taken: its own number and the last part of its URL's path. */
export interface KnownSegment {
  readonly msn: number;
  readonly mark: string;
  /** EXT-X-PROGRAM-DATE-TIME in ms since 1970; left out where the source tells none. */
  readonly dateMs?: number | undefined;
}

/** What a look at the source means for the timeline. */
export type Intake =
  /** New segments follow the known ones (or nothing is known yet); maybe none. */
  | { readonly kind: 'continue'; readonly segments: readonly SourceSegment[] }
  /** Segments between the known and these were never seen. */
  | { readonly kind: 'gap'; readonly segments: readonly SourceSegment[] }
  /** The source has begun its numbers anew. */
  | { readonly kind: 'restart'; readonly segments: readonly SourceSegment[] }
  /** An older copy of the playlist, as caches send at times: nothing to take. */
  | { readonly kind: 'stale' };

/**
 * Looks behind the known end before an older copy counts as a restart. Caches are behind by one or two looks; a
 * source that restarts with equal file names while its old window was still short looks the same for longer.
 */
const STALE_LOOKS = 5;

/**
 * Difference in ms between two dates of one segment that no reckoning from a neighbour's date makes: behind it is an
 * encoder that was started again and uses its old names.
 */
const OTHER_DATE_MS = 10_000;

/** Known segments kept for comparison. */
export const KNOWN_SEGMENTS = 60;

/** What tells a segment from another one with the same number: queries carry tokens and folders carry hosts' sessions. */
export function markOf(segment: SourceSegment): string {
  const path = new URL(segment.uri).pathname;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return segment.range === null ? name : `${name}@${segment.range.offset}`;
}

function dateOf({ dateTime }: SourceSegment): number | undefined {
  return dateTime === null ? undefined : Date.parse(dateTime);
}

/** Whether a segment is another one than that of its number which is known. */
function isAnother(known: KnownSegment, segment: SourceSegment): boolean {
  const dateMs = dateOf(segment);
  const isRedated =
    dateMs !== undefined && known.dateMs !== undefined && Math.abs(dateMs - known.dateMs) > OTHER_DATE_MS;
  return isRedated || known.mark !== markOf(segment);
}

/** Whether every segment that both know by number is another one. */
function contradicts(known: readonly KnownSegment[], segments: readonly SourceSegment[]): boolean {
  const byNumber = new Map(known.map((one) => [one.msn, one]));
  const shared = segments.flatMap((segment) => {
    const one = byNumber.get(segment.msn);
    return one === undefined ? [] : [isAnother(one, segment)];
  });
  return shared.length > 0 && shared.every((another) => another);
}

/**
 * Compares a playlist with what is known of the source. `looksBehind` counts the looks in a row before this one that
 * were stale.
 */
export function intake(known: readonly KnownSegment[], playlist: SourcePlaylist, looksBehind: number): Intake {
  const { segments } = playlist;
  const newest = segments.at(-1);
  const lastKnown = known.at(-1);
  if (newest === undefined) return { kind: 'continue', segments: [] };
  if (lastKnown === undefined) return { kind: 'continue', segments };
  if (contradicts(known, segments)) return { kind: 'restart', segments };
  if (newest.msn < lastKnown.msn) {
    const numbers = new Set(known.map((one) => one.msn));
    const apart = !segments.some((segment) => numbers.has(segment.msn));
    return apart || looksBehind >= STALE_LOOKS ? { kind: 'restart', segments } : { kind: 'stale' };
  }
  const fresh = segments.filter((segment) => segment.msn > lastKnown.msn);
  const first = fresh[0];
  if (first !== undefined && first.msn > lastKnown.msn + 1) return { kind: 'gap', segments: fresh };
  return { kind: 'continue', segments: fresh };
}

/** The known segments after these were taken; a restart forgets the older ones. */
export function remember(known: readonly KnownSegment[], taken: Intake): readonly KnownSegment[] {
  if (taken.kind === 'stale') return known;
  const added = taken.segments.map((segment) => {
    const dateMs = dateOf(segment);
    return { msn: segment.msn, mark: markOf(segment), ...(dateMs === undefined ? {} : { dateMs }) };
  });
  return [...(taken.kind === 'restart' ? [] : known), ...added].slice(-KNOWN_SEGMENTS);
}
