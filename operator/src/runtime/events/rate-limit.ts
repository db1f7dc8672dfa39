/** Events that an object may have at once, and how soon another one after that: client-go's spam filter. */
const BURST = 25;
const REFILL_MILLISECONDS = 300_000;
/** Objects that are remembered; of those forgotten, the longest unheard, events are allowed again. */
const OBJECTS_LIMIT = 10_000;

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Keeps one busy object from filling the API server with events. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #now: () => number;

  /** @param now in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether one more event about this object is allowed; it counts if so. */
  take(object: string): boolean {
    const bucket = this.#refilled(object);
    this.#buckets.delete(object);
    this.#buckets.set(object, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > OBJECTS_LIMIT && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #refilled(object: string): Bucket {
    const bucket = this.#buckets.get(object) ?? { tokens: BURST, filledAt: this.#now() };
    const refills = Math.floor((this.#now() - bucket.filledAt) / REFILL_MILLISECONDS);
    return {
      tokens: Math.min(BURST, bucket.tokens + refills),
      filledAt: bucket.filledAt + refills * REFILL_MILLISECONDS,
    };
  }
}
