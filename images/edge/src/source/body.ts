import type { Readable } from 'node:stream';
import { sourceError } from './errors.ts';
import type { Holding } from './room.ts';

/** First size of the buffer of an answer that does not say how long it is: most playlists fit. */
const FIRST_BYTES = 64 * 1024;

/**
 * Pieces of one answer. Each costs time, however short it is; 50 MB in pieces of half a kilobyte, a third of what
 * networks send at a time, are fewer.
 */
const MAX_PIECES = 100_000;

/** How much of a body is read. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Reads at most `maxBytes` and leaves the rest, instead of failing on a longer body. */
  readonly partial?: boolean;
}

/** What has come of a body: one buffer, so that many small pieces need no more memory than few large ones. */
class Collection {
  readonly #limits: BodyLimits;
  readonly #isTooLong: boolean;
  readonly #holding: Holding;
  #bytes: Buffer;
  #size = 0;
  #pieces = 0;

  constructor(length: number | null, limits: BodyLimits, holding: Holding) {
    this.#limits = limits;
    this.#isTooLong = length !== null && length > limits.maxBytes && limits.partial !== true;
    this.#holding = holding;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(length ?? FIRST_BYTES, limits.maxBytes));
  }

  /** What there is; what is kept for long, as a playlist, does not keep an empty buffer with it. */
  get whole(): Uint8Array {
    const whole = this.#bytes.subarray(0, this.#size);
    return 2 * this.#size < this.#bytes.length ? copied(whole, this.#size, this.#size) : whole;
  }

  /** Takes the next piece. @returns whether that is enough. Throws SOURCE_TOO_LARGE, SOURCE_PIECEMEAL, SOURCE_CROWDED_OUT */
  take(piece: Uint8Array): boolean {
    const { maxBytes, partial = false } = this.#limits;
    this.#pieces += 1;
    if (this.#pieces > MAX_PIECES) throw piecemeal();
    const taken = Math.min(piece.length, maxBytes - this.#size);
    if (this.#isTooLong || (taken < piece.length && !partial)) throw tooLarge(maxBytes);
    this.#holding.grow(taken);
    const size = this.#size + taken;
    if (size > this.#bytes.length) this.#bytes = copied(this.#bytes, this.#size, Math.min(maxBytes, 2 * size));
    this.#bytes.set(piece.subarray(0, taken), this.#size);
    this.#size = size;
    return taken < piece.length;
  }
}

/**
 * Collects a body; stops the transfer at the limit. `length` is what the answer says of itself; a body that is longer or
 * shorter is taken as it is. Throws SOURCE_TOO_LARGE, SOURCE_PIECEMEAL, SOURCE_CROWDED_OUT and the errors of the stream.
 */
export function readBody(
  body: Readable,
  length: number | null,
  limits: BodyLimits,
  holding: Holding,
): Promise<Uint8Array> {
  const collection = new Collection(length, limits, holding);
  return new Promise((resolve, reject) => {
    body.on('error', reject);
    body.on('end', () => resolve(collection.whole));
    body.on('close', () => reject(new Error('the answer was cut off')));
    // Events, not an iterator: that one would join small pieces, and their cost would not be seen.
    body.on('data', (piece: Buffer) => {
      if (body.destroyed) return;
      try {
        if (!collection.take(piece)) return;
        resolve(collection.whole);
      } catch (error) {
        reject(error);
      }
      body.destroy();
    });
  });
}

function copied(bytes: Buffer, size: number, capacity: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(capacity);
  larger.set(bytes.subarray(0, size));
  return larger;
}

function tooLarge(maxBytes: number): Error {
  return sourceError('SOURCE_TOO_LARGE', `The source sends more than the ${maxBytes} bytes allowed here`);
}

function piecemeal(): Error {
  return sourceError('SOURCE_PIECEMEAL', `The source sends an answer in more than ${MAX_PIECES} pieces`);
}
