/** Back-off of a reflector, as client-go's: 0.8 s doubling to 30 s, each with up to as much again by chance. */
const FIRST_MILLISECONDS = 800;
const LONGEST_MILLISECONDS = 30_000;
/** A watch that lived this long was healthy: the next trouble starts small again. */
const HEALTHY_MILLISECONDS = 120_000;

/** Waiting times between attempts that fail. */
export interface BackOff {
  /**
   * Milliseconds to wait before the next attempt.
   * @param attemptMilliseconds how long the attempt that ended had lived
   */
  next(attemptMilliseconds: number): number;
}

/** @param random in [0, 1) */
export function createBackOff(random: () => number): BackOff {
  let base = FIRST_MILLISECONDS;
  return {
    next(attemptMilliseconds) {
      if (attemptMilliseconds >= HEALTHY_MILLISECONDS) base = FIRST_MILLISECONDS;
      const wait = base * (1 + random());
      base = Math.min(base * 2, LONGEST_MILLISECONDS);
      return wait;
    },
  };
}
