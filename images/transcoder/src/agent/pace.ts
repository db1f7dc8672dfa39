/**
 * How late in ms a segment may be complete after the next one was fed. The constant lag leaves half a second beyond
 * the target duration (docs/how-it-works.md, "Constant lag"); a fifth of that goes to fetching, checking and storing.
 */
const LATE_MS = 400;
/** How long in ms an encoder may be without keeping pace once: a start with backlog, a hard scene. */
const TOO_SLOW_MS = 15_000;
/** The same in target durations: only a completed segment shows the pace. */
const TOO_SLOW_TARGET_DURATIONS = 3;

/**
 * Whether an encoder keeps pace with its source. FFmpeg's own speed says little: fed in real time it is 1 at best. An
 * encoder keeps pace while it takes what it is fed at once, so that the agent waits for the source and not for it, and
 * while each segment is complete soon after the next was fed.
 */
export class Pace {
  readonly #completed: number[];
  readonly #limitMs: number;
  /** When each segment was fed that the slowest rung has not completed, oldest first. */
  readonly #openSince: number[] = [];
  #rows = 0;
  #latenessMs = 0;
  #slowSince: number | null = null;

  constructor(rungs: number, targetDurationSeconds: number) {
    this.#completed = new Array<number>(rungs).fill(0);
    this.#limitMs = Math.max(TOO_SLOW_MS, TOO_SLOW_TARGET_DURATIONS * targetDurationSeconds * 1000);
  }

  /** A source segment is offered at `now` (ms). */
  fed(now: number): void {
    this.#openSince.push(now);
  }

  /** Rung `index` completed a segment at `now` (ms). */
  completed(index: number, now: number): void {
    this.#completed[index] = (this.#completed[index] ?? 0) + 1;
    for (const rows = Math.min(...this.#completed); this.#rows < rows; this.#rows++) {
      this.#openSince.shift();
      this.#latenessMs = now - (this.#openSince[0] ?? now);
    }
  }

  /**
   * Looks at the state at `now` (ms); to be asked every second or so.
   * @param idle whether the agent waits for the source: everything known is fed
   */
  isTooSlow(now: number, idle: boolean): boolean {
    const keepsPace = idle && this.#openSince.length <= 1 && this.#latenessMs <= LATE_MS;
    if (keepsPace) this.#slowSince = null;
    else this.#slowSince ??= now;
    return this.#slowSince !== null && now - this.#slowSince > this.#limitMs;
  }
}
