/** nginx may still be sending what it found when the last file went, and writes down what it has sent a moment later. */
const LAST_LINES_MS = 3_000;
/** The log of polls stands still then; the links want to be renewed, more often than a period of them lasts. */
const REST_MS = 1_000;

/**
 * When the log of polls is looked at: always while nginx has playlists to send, and now and then where it has none, so
 * that an edge that nobody asks for much rests. Pure but for what it remembers.
 */
export class Looks {
  readonly #intervalMs: number;
  /** Since nginx has no playlists. */
  #restingMs = 0;

  /** @param intervalMs between two calls of {@link isDue} */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether to look now. @param hasFiles whether nginx has playlists to send */
  isDue(hasFiles: boolean): boolean {
    this.#restingMs = hasFiles ? 0 : this.#restingMs + this.#intervalMs;
    return this.#restingMs <= LAST_LINES_MS || this.#restingMs % REST_MS < this.#intervalMs;
  }
}
