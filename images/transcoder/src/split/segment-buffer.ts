import { SluiceError } from '@sluice/common/errors/error.ts';

/** First size in bytes: two seconds at 1 Mbit/s; doubled as needed. */
const INITIAL_BYTES = 256 * 1024;

/** Collects the packets of one segment. Memory: at most twice what it holds, and never more than `limit` bytes. */
export class SegmentBuffer {
  #bytes = new Uint8Array(0);
  #length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws SluiceError SEGMENT_TOO_LARGE beyond the limit */
  append(more: Uint8Array): void {
    const needed = this.#length + more.length;
    if (needed > this.#limit) {
      throw new SluiceError(`a segment grew beyond ${this.#limit} bytes: lower the rung's bitrateBps`, {
        code: 'SEGMENT_TOO_LARGE',
        retryable: false,
      });
    }
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, INITIAL_BYTES, this.#bytes.length * 2)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = needed;
  }

  get length(): number {
    return this.#length;
  }

  /** What was collected; valid until the next append. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
