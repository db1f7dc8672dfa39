import type { SourcePlaylist, SourceSegment } from './parse.ts';

/** A segment of the source that has been taken: its own number and the last part of its URL's path. */
export interface KnownSegment {
  readonly msn: number;
  readonly mark: string;
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

/** Known segments kept for comparison. */
export const KNOWN_SEGMENTS = 60;

/** What tells a segment from another one with the same number: queries carry tokens and folders carry hosts' sessions. */
export function markOf(segment: SourceSegment): string {
  const path = new URL(segment.uri).pathname;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return segment.range === null ? name : `${name}@${segment.range.offset}`;
}

/** Whether every segment that both know by number is another one. */
function contradicts(known: readonly KnownSegment[], segments: readonly SourceSegment[]): boolean {
  const marks = new Map(known.map((one) => [one.msn, one.mark]));
  const shared = segments.filter((segment) => marks.has(segment.msn));
  return shared.length > 0 && shared.every((segment) => marks.get(segment.msn) !== markOf(segment));
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
  const added = taken.segments.map((segment) => ({ msn: segment.msn, mark: markOf(segment) }));
  return [...(taken.kind === 'restart' ? [] : known), ...added].slice(-KNOWN_SEGMENTS);
}
