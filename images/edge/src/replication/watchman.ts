import type { Clock } from '../channel/clock.ts';

/** What has waited in the socket, while this process stood still, is read within these ms. */
const READ_FIRST_MS = 50;
/** Between two calls while the silence lasts, in ms: as often at first as an edge that has no say needs to hear of a new owner. */
const CALL_AGAIN_MS = [250, 250, 250, 250, 500, 1_000] as const;
/** As long as it lasts. */
const CALL_LATE_MS = 2_000;

/** What a watchman looks at and calls. */
export interface Watched {
  /** Time in ms of the clock from which on there is silence, if nothing is heard until then. */
  silentFrom(): number;
  /** There is: called once, and again and again as long as it lasts. */
  silent(calls: number): void;
}

/** Watches for a silence, at its very moment: beats are too coarse for that. */
export class Watchman {
  readonly #clock: Clock;
  readonly #watched: Watched;
  #cancel: () => void;

  constructor(clock: Clock, watched: Watched) {
    this.#clock = clock;
    this.#watched = watched;
    this.#cancel = clock.after(0, () => this.#watch());
  }

  close(): void {
    this.#cancel();
  }

  #watch(): void {
    const leftMs = this.#watched.silentFrom() - this.#clock.now();
    if (leftMs > 0) this.#cancel = this.#clock.after(leftMs, () => this.#watch());
    else this.#cancel = this.#clock.after(READ_FIRST_MS, () => this.#call(0));
  }

  #call(calls: number): void {
    if (this.#watched.silentFrom() > this.#clock.now()) {
      this.#watch();
      return;
    }
    this.#cancel = this.#clock.after(CALL_AGAIN_MS[calls] ?? CALL_LATE_MS, () => this.#call(calls + 1));
    this.#watched.silent(calls);
  }
}
