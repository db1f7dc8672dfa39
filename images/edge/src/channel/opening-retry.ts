import type { Clock } from './clock.ts';

/** First pause in ms before a channel that could not be opened is tried again; it doubles. */
const FIRST_RETRY_MS = 1_000;
/** Longest pause in ms: a volume that has room again is used within it. */
const LONGEST_RETRY_MS = 30_000;

/** Tries again, later and later, what could not be opened. */
export class OpeningRetry {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #again: () => void;
  #pauseMs = FIRST_RETRY_MS;
  #cancel = (): void => {};

  /** @param again called when it is time; it says by `failed` or `opened` what became of that */
  constructor(clock: Pick<Clock, 'after'>, again: () => void) {
    this.#clock = clock;
    this.#again = again;
  }

  /** It is open: the next failure is a first one. */
  opened(): void {
    this.#cancel();
    this.#pauseMs = FIRST_RETRY_MS;
  }

  failed(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(this.#pauseMs, this.#again);
    this.#pauseMs = Math.min(LONGEST_RETRY_MS, 2 * this.#pauseMs);
  }

  /** Nothing is tried any more. */
  end(): void {
    this.#cancel();
  }
}
