/** Shortest time in seconds without progress that counts as a hang. */
const SHORTEST_HANG_SECONDS = 10;
/** The same in target durations: below that, a segment that is merely late would look like a hang. */
const HANG_TARGET_DURATIONS = 3;

/**
 * Notices an encoder that is fed and makes no progress. FFmpeg prints no progress lines while its input is stalled, so
 * silence alone says nothing: only time since input that no growth of the output time has followed counts.
 */
export class HangWatch {
  readonly #limitMs: number;
  #waitingSince: number | null = null;
  #outTimeSeconds = Number.NEGATIVE_INFINITY;

  constructor(targetDurationSeconds: number) {
    this.#limitMs = Math.max(SHORTEST_HANG_SECONDS, HANG_TARGET_DURATIONS * targetDurationSeconds) * 1000;
  }

  /** Input was offered to the encoder at `now` (ms). */
  fed(now: number): void {
    this.#waitingSince ??= now;
  }

  /** The encoder reported its output time. */
  progressed(outTimeSeconds: number | null): void {
    if (outTimeSeconds === null || outTimeSeconds <= this.#outTimeSeconds) return;
    this.#outTimeSeconds = outTimeSeconds;
    this.#waitingSince = null;
  }

  /** Whether the encoder hangs at `now` (ms). */
  isHung(now: number): boolean {
    return this.#waitingSince !== null && now - this.#waitingSince > this.#limitMs;
  }
}
