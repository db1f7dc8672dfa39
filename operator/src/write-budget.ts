/**
 * What an operator may cost an API server at rest is 20 writes a second. Renewals of the Lease, one in two seconds, go
 * beside it, and what is saved up for bursts needs a margin. The rest of the difference is CPU, of which a write costs this
 * program and the API server more than all that is decided: only counts wait longer, and only where hundreds of channels
 * are busy at the same time.
 */
const WRITES_PER_SECOND = 15;
/** Writes that may follow each other at once after a quiet time. */
const SAVED_WRITES = 10;
/** A storm of changes that must be told at once (a start, edges that go) keeps the rest waiting this long at most. */
const LONGEST_DEBT_SECONDS = 2;

/**
 * How many writes the API server gets from all controllers together: a token bucket. Writes that cannot wait (a mode, a
 * session, an event) are made whether there is room or not, and count; those that can (counts, positions, progress) are
 * made only while there is room. So the sum stays below the rate as long as what cannot wait alone does.
 */
export class WriteBudget {
  #room = SAVED_WRITES;
  #countedAtMs: number;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
    this.#countedAtMs = now();
  }

  /** A write is made. */
  spend(): void {
    this.#refill();
    this.#room = Math.max(-LONGEST_DEBT_SECONDS * WRITES_PER_SECOND, this.#room - 1);
  }

  /** Whether a write that can wait may be made now. */
  get hasRoom(): boolean {
    this.#refill();
    return this.#room >= 1;
  }

  #refill(): void {
    const nowMs = this.#now();
    const earned = ((nowMs - this.#countedAtMs) / 1000) * WRITES_PER_SECOND;
    this.#room = Math.min(SAVED_WRITES, this.#room + earned);
    this.#countedAtMs = nowMs;
  }
}
