import { type Clock, MONOTONIC_CLOCK } from './clock.ts';

/**
 * How long work may hold the event loop in one go: the lease, probes and watches wait meanwhile, and ten thousand
 * objects that are worked on without a pause cost a leader its lease.
 */
const LONGEST_MILLISECONDS = 10;

/** Lets long work pause now and then; one for each loop that may be long. */
export class Breath {
  readonly #clock: Clock;
  #takenAt: number;

  constructor(clock: Clock = MONOTONIC_CLOCK) {
    this.#clock = clock;
    this.#takenAt = clock.now();
  }

  /** To be awaited between two pieces of work; resolves in another turn of the event loop if the last was long ago. */
  async take(): Promise<void> {
    if (this.#clock.now() - this.#takenAt < LONGEST_MILLISECONDS) return;
    await new Promise(setImmediate);
    this.#takenAt = this.#clock.now();
  }
}
