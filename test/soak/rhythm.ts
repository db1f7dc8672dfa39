/** When a segment was first listed. */
export interface Listing {
  readonly msn: number;
  readonly atMilliseconds: number;
  readonly durationSeconds: number;
}

/** A new owner catches up within this, or the channel stands. */
const CATCH_UP_MILLISECONDS = 20_000;
/** Listings before the owner's end that the rhythm is taken from. */
const BEFORE = 5;

/**
 * By how much segments were listed later, after the end of an owner, than its rhythm would have had them: the worst of
 * the next 20 s, in seconds. The rhythm is that of the least late of the last listings before.
 * @returns null where nothing was listed before or after
 */
export function latenessSeconds(listings: readonly Listing[], endMilliseconds: number): number | null {
  const before = listings.filter(({ atMilliseconds }) => atMilliseconds <= endMilliseconds).slice(-BEFORE);
  const after = listings.filter(
    ({ atMilliseconds: at }) => at > endMilliseconds && at <= endMilliseconds + CATCH_UP_MILLISECONDS,
  );
  const [first] = before;
  if (first === undefined || after.length === 0) return null;
  let filmMilliseconds = 0;
  const offsets = [...before, ...after].map((listing) => {
    const offset = listing.atMilliseconds - filmMilliseconds;
    filmMilliseconds += listing.durationSeconds * 1000;
    return offset;
  });
  const rhythm = Math.min(...offsets.slice(0, before.length));
  return (Math.max(...offsets.slice(before.length)) - rhythm) / 1000;
}
