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

/** Length of an answer's body by its Content-Length; null where it does not say, or says what is none. */
export function saidLength(contentLength: string | null): number | null {
  return contentLength !== null && /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : null;
}

/** How much of a body is read. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Reads at most `maxBytes` and leaves the rest, instead of failing on a longer body. */
  readonly partial?: boolean;
}

/**
 * What has come of a body: one piece of memory, so that many small pieces need no more than few large ones. It is given back
 * at once and not when the runtime gets round to it: a source may send, and fail, hundreds of megabytes a second.
 */
class Collection {
  readonly #limits: BodyLimits;
  readonly #isTooLong: boolean;
  readonly #holding: Holding;
  #memory: ArrayBuffer;
  #size = 0;
  #pieces = 0;

  constructor(length: number | null, limits: BodyLimits, holding: Holding) {
    this.#limits = limits;
    this.#isTooLong = length !== null && length > limits.maxBytes && limits.partial !== true;
    this.#holding = holding;
    this.#memory = new ArrayBuffer(this.#isTooLong ? 0 : Math.min(length ?? FIRST_BYTES, limits.maxBytes));
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
    if (size > this.#memory.byteLength) this.#memory = this.#memory.transfer(Math.min(maxBytes, 2 * size));
    new Uint8Array(this.#memory).set(piece.subarray(0, taken), this.#size);
    this.#size = size;
    return taken < piece.length;
  }

  /** What there is, in memory of exactly its length. */
  end(): Uint8Array {
    return Buffer.from(this.#memory.transfer(this.#size));
  }

  /** Gives the memory back. */
  drop(): void {
    if (!this.#memory.detached) this.#memory.transfer(0);
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
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      settle();
      collection.drop();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const end = (): void => finish(() => resolve(collection.end()));
    body.on('error', fail);
    body.on('end', end);
    body.on('close', () => fail(new Error('the answer was cut off')));
    // Events, not an iterator: that one would join small pieces, and their cost would not be seen.
    body.on('data', (piece: Buffer) => {
      if (isOver) return;
      try {
        if (!collection.take(piece)) return;
        end();
      } catch (error) {
        fail(error);
      }
      body.destroy();
    });
  });
}

function tooLarge(maxBytes: number): Error {
  return sourceError('SOURCE_TOO_LARGE', `The source sends more than the ${maxBytes} bytes allowed here`);
}

function piecemeal(): Error {
  return sourceError('SOURCE_PIECEMEAL', `The source sends an answer in more than ${MAX_PIECES} pieces`);
}
