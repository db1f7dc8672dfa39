/** Least time in ms over which a speed is told: below, one progress line more or less changes it by a half. */
const SHORTEST_MS = 2000;

/** Media seconds encoded per second, between two looks. In the long run a live source allows 1. */
export class Speed {
  #last: { readonly at: number; readonly outTimeSeconds: number } | null = null;
  #speed: number | null = null;

  /**
   * Takes the newest output time at `now` (ms); null where there is none.
   * @returns the speed over the last two seconds or more; null before that, and after a jump backwards
   */
  update(now: number, outTimeSeconds: number | null): number | null {
    if (outTimeSeconds === null || (this.#last !== null && outTimeSeconds < this.#last.outTimeSeconds)) {
      this.#last = null;
      this.#speed = null;
    }
    if (outTimeSeconds === null) return null;
    if (this.#last === null) this.#last = { at: now, outTimeSeconds };
    else if (now - this.#last.at >= SHORTEST_MS) {
      this.#speed = ((outTimeSeconds - this.#last.outTimeSeconds) * 1000) / (now - this.#last.at);
      this.#last = { at: now, outTimeSeconds };
    }
    return this.#speed;
  }
}
