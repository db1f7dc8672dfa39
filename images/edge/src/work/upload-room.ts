import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import { saidLength } from '../source/body.ts';
import { MAX_BYTES_UNDER_WAY, ReadingRoom } from '../source/room.ts';

function refusal(code: string, status: number, message: string): SluiceError {
  return new SluiceError(message, { code, status, retryable: false });
}

/**
 * The length that an upload says it has: it takes its place before a byte of it is read. Throws LENGTH_REQUIRED (411) and
 * BODY_TOO_LARGE (413).
 */
export function uploadLength(request: IncomingMessage): number {
  const bytes = saidLength(request.headers['content-length'] ?? null);
  if (bytes === null) throw refusal('LENGTH_REQUIRED', 411, 'An upload needs Content-Length');
  if (bytes <= MAX_SEGMENT_BYTES) return bytes;
  throw refusal('BODY_TOO_LARGE', 413, `A segment has at most ${MAX_SEGMENT_BYTES} bytes, this one ${bytes}`);
}

/** Bytes of all uploads at a time: half of what the edge may read, so that the other half is there for sources. */
const MAX_UPLOADS_BYTES = MAX_BYTES_UNDER_WAY / 2;

/** From its head on, in ms: the largest segment over 13 Mbit/s. Whoever sends byte by byte holds no room for longer. */
const UPLOAD_MS = 30_000;

/** Room for uploads, within that of everything that the edge reads. */
export class UploadRoom {
  readonly #rooms: readonly ReadingRoom[];

  constructor(room: ReadingRoom) {
    this.#rooms = [new ReadingRoom(MAX_UPLOADS_BYTES), room];
  }

  /**
   * Gives an upload its place until it has been answered. Where room ends the largest is hung up on: pods whose uploads
   * stand still cannot keep the segments of other channels away. Throws EDGE_BUSY (503) where that is this one.
   */
  take(bytes: number, request: IncomingMessage, response: ServerResponse): void {
    const hangUp = (): void => void request.destroy();
    const late = setTimeout(hangUp, UPLOAD_MS);
    const holdings = this.#rooms.map((room) => room.enter(hangUp));
    response.once('close', () => {
      clearTimeout(late);
      for (const holding of holdings) holding.release();
    });
    try {
      for (const holding of holdings) holding.grow(bytes);
    } catch (cause) {
      throw new SluiceError('The edge reads as much at a time as its memory allows', {
        ...{ code: 'EDGE_BUSY', status: 503, retryable: true, retryAfterSeconds: 1, cause },
      });
    }
  }
}
