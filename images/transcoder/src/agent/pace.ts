/** Segments fed and not complete that are normal: the newest waits for its end, one more is being encoded. */
const NORMAL_BEHIND = 2;
/** How long in ms the encoder may be further behind before it counts as too slow: a start with backlog, a scene cut. */
const TOO_SLOW_MS = 15_000;

/**
 * Whether an encoder keeps pace with its source. FFmpeg's own speed says little (fed in real time it is 1 at best), so
 * what counts is how many fed segments are not complete in the slowest rung, and for how long there were too many.
 */
export class Pace {
  readonly #completed: number[];
  #fed = 0;
  #behindSince: number | null = null;

  constructor(rungs: number) {
    this.#completed = new Array<number>(rungs).fill(0);
  }

  /** A source segment was offered. */
  fed(): void {
    this.#fed++;
  }

  /** Rung `index` completed a segment. */
  completed(index: number): void {
    this.#completed[index] = (this.#completed[index] ?? 0) + 1;
  }

  /** Segments that were fed and that the slowest rung has not completed. */
  get behind(): number {
    return this.#fed - Math.min(...this.#completed);
  }

  /** Looks at the state at `now` (ms); to be asked every few seconds. `waiting`: source segments not fed yet. */
  isTooSlow(now: number, waiting: number): boolean {
    if (this.behind + waiting <= NORMAL_BEHIND) this.#behindSince = null;
    else this.#behindSince ??= now;
    return this.#behindSince !== null && now - this.#behindSince > TOO_SLOW_MS;
  }
}
