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

/**
 * Collects a body in one buffer, so that many small pieces need no more memory than few large ones; stops the transfer at the
 * limit. `length` is what the answer says of itself; a body that is longer or shorter is taken as it is. Throws
 * SOURCE_TOO_LARGE, SOURCE_PIECEMEAL and the errors of `holding`.
 */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  length: number | null,
  { maxBytes, partial = false }: BodyLimits,
  holding: Holding,
): Promise<Uint8Array> {
  const isTooLong = length !== null && length > maxBytes && !partial;
  let bytes = Buffer.allocUnsafeSlow(Math.min(length ?? FIRST_BYTES, maxBytes));
  let size = 0;
  let pieces = 0;
  for await (const piece of body) {
    pieces += 1;
    if (pieces > MAX_PIECES) throw piecemeal();
    const taken = Math.min(piece.length, maxBytes - size);
    if (isTooLong || (taken < piece.length && !partial)) throw tooLarge(maxBytes);
    holding.grow(taken);
    if (size + taken > bytes.length) bytes = copied(bytes, size, Math.min(maxBytes, 2 * (size + taken)));
    bytes.set(piece.subarray(0, taken), size);
    size += taken;
    if (taken < piece.length) break;
  }
  const whole = bytes.subarray(0, size);
  // What is kept for long, as a playlist, must not keep an empty buffer with it.
  return 2 * size < bytes.length ? copied(whole, size, size) : whole;
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
