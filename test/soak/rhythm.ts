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
 * By how much a segment was listed later than the rhythm of those shortly before it would have had it: the worst of all, in
 * seconds.
 */
export function worstLatenessSeconds(listings: readonly Listing[]): number {
  const offsets = offsetsOf(listings);
  const late = offsets.map((offset, index) => {
    const before = offsets.slice(Math.max(0, index - BEFORE), index);
    return before.length === 0 ? 0 : offset - Math.min(...before);
  });
  return Math.max(0, ...late) / 1000;
}

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
  const offsets = offsetsOf([...before, ...after]);
  const rhythm = Math.min(...offsets.slice(0, before.length));
  return (Math.max(...offsets.slice(before.length)) - rhythm) / 1000;
}

/** When each segment was listed, less the film in front of it, in ms: the same for all in a rhythm that is kept. */
function offsetsOf(listings: readonly Listing[]): number[] {
  let filmMilliseconds = 0;
  return listings.map(({ atMilliseconds, durationSeconds }) => {
    const offset = atMilliseconds - filmMilliseconds;
    filmMilliseconds += durationSeconds * 1000;
    return offset;
  });
}
