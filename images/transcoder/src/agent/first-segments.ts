/** How long after the agent's start its rungs have become of use: what a promotion waits for most. */
export class FirstSegments {
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #secondsByRung = new Map<string, number>();
  #seconds: number | null = null;

  /** Make it when the agent starts. @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedMs = now();
  }

  /** A segment of a rung was stored. @returns seconds since the start where it is the rung's first, null otherwise */
  stored(rung: string): number | null {
    if (this.#secondsByRung.has(rung)) return null;
    const seconds = Math.max(0, this.#now() - this.#startedMs) / 1000;
    this.#secondsByRung.set(rung, seconds);
    return seconds;
  }

  /**
   * Seconds until the last of these rungs had its first segment stored; null before. Said once it stays: a rung that is
   * given up or comes back later changes nothing.
   * @param rungs those that the agent has not given up
   */
  seconds(rungs: readonly string[]): number | null {
    const known = rungs.flatMap((rung) => this.#secondsByRung.get(rung) ?? []);
    if (rungs.length > 0 && known.length === rungs.length) this.#seconds ??= Math.max(...known);
    return this.#seconds;
  }
}
