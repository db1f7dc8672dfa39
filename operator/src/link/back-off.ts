/** First wait: an edge that restarts is back within a second or two. */
const FIRST_SECONDS = 0.2;
/** Longest wait: what an edge that comes back after an outage waits at most for its routes. */
const LONGEST_SECONDS = 10;

/**
 * Seconds to wait before attempt number `attempt` (0 is the first retry) to reach an edge: exponential with full
 * jitter, so that operators and edges that start together do not meet again and again. `random` is in [0, 1).
 */
export function backOffSeconds(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(attempt, 16));
  return FIRST_SECONDS / 2 + random * (ceiling - FIRST_SECONDS / 2);
}
