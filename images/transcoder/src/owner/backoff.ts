/** First wait in ms: a restarting edge is often back at once. */
const FIRST_MS = 100;
/** Longest wait in ms: one target duration, so that a returned edge is found within a segment. */
const LONGEST_MS = 2000;

/**
 * Wait in ms before attempt `failures + 1`: doubling from 100 ms to 2 s, less up to a half by `random` (0 to 1), so
 * that many agents do not come back in step.
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return full * (1 - random / 2);
}
