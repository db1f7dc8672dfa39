import type { Clock } from './clock.ts';

/** Published segments in a row without one of the renditions after which its numbers may have changed. */
const MISSING_IN_A_ROW = 3;

/** Pauses in ms between two such looks: the first one, doubled up to the longest as long as they find nothing new. */
const FIRST_PAUSE_MS = 15_000;
const LONGEST_PAUSE_MS = 600_000;

/** Age in ms of what is known of a source after which it is looked at again when nobody watches any more. */
export const OLD_AFTER_MS = 600_000;

/** Starts another probe of a source; `ended` gets whether it has found anything new. Returns the stop function. */
export type LookAgain = (ended: (news: boolean) => void) => () => void;

/** Decides when a source is probed again whose renditions are missing, or were not there when it was probed. */
export class SecondLook {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #look: LookAgain;
  #stop: (() => void) | null = null;
  #inARow = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>, look: LookAgain) {
    this.#clock = clock;
    this.#look = look;
  }

  /** A segment was published; `complete`: in all renditions that the playlists have. */
  published(complete: boolean): void {
    this.#inARow = complete ? 0 : this.#inARow + 1;
    if (this.#inARow >= MISSING_IN_A_ROW) this.#begin();
  }

  /** Nobody watches any more, and nothing is listed; `probedAt` in ms since 1970. */
  asleep(probedAt: number): void {
    if (this.#clock.now() - probedAt >= OLD_AFTER_MS) this.#begin();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #begin(): void {
    if (this.#stop !== null || this.#clock.now() < this.#notBefore) return;
    this.#stop = this.#look((news) => {
      this.#stop = null;
      this.#inARow = 0;
      if (news) this.#pauseMs = FIRST_PAUSE_MS;
      this.#notBefore = this.#clock.now() + this.#pauseMs;
      if (!news) this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    });
  }
}
