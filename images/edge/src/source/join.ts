import type { SourcePlaylist, SourceSegment } from './parse.ts';

/**
 * Segments that a rendition may be behind the reference before the channel goes on without it, as gaps in its playlist:
 * a packager writes its playlists one after the other, seconds apart at most; one that is further behind has stopped.
 */
export const MAX_BEHIND = 3;

/** Newest number that a playlist lists; minus infinity where it lists none, or cannot be read. */
function newestMsn(playlist: SourcePlaylist | null): number {
  return playlist?.segments.at(-1)?.msn ?? Number.NEGATIVE_INFINITY;
}

/** Whether a rendition lists less than the reference, and will be asked again. */
export function isBehind(reference: SourcePlaylist, other: SourcePlaylist | null): boolean {
  return newestMsn(other) < newestMsn(reference);
}

function fits(reference: SourceSegment, other: SourceSegment | undefined): other is SourceSegment {
  return other !== undefined && other.discontinuity === reference.discontinuity;
}

/**
 * Puts each segment's counterparts in other renditions beside it, by the media sequence number (RFC 8216bis 6.2.4 wants
 * the same content at the same time; that numbers mean the same is what the probe has found out). The newest segments
 * are withheld as long as a rendition lacks them that is only a little behind. Null: a rendition that cannot be read.
 * @param shownMsn newest number that was shown before: what was shown is never withheld, because that would look like an
 *   older copy of the playlist
 */
export function withRenditions(
  reference: SourcePlaylist,
  others: ReadonlyMap<string, SourcePlaylist | null>,
  shownMsn: number,
): SourcePlaylist {
  if (others.size === 0) return reference;
  const newest = newestMsn(reference);
  const ends = [...others.values()].map((other) => (other?.ended === true ? newest : newestMsn(other)));
  // Lower numbers than those shown are of a source that has begun them anew.
  const shown = shownMsn > newest ? Number.NEGATIVE_INFINITY : shownMsn;
  const end = Math.max(shown, Math.min(newest, ...ends.filter((one) => one >= newest - MAX_BEHIND)));
  const byMsn = [...others].map(
    ([rung, other]) => [rung, new Map((other?.segments ?? []).map((segment) => [segment.msn, segment]))] as const,
  );
  return {
    ...reference,
    ended: reference.ended && end === newest,
    segments: reference.segments
      .filter(({ msn }) => msn <= end)
      .map((segment) => {
        const found = byMsn.map(([rung, segments]) => [rung, segments.get(segment.msn)] as const);
        return {
          ...segment,
          beside: Object.fromEntries(found.filter((one): one is [string, SourceSegment] => fits(segment, one[1]))),
        };
      }),
  };
}
