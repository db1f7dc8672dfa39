import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * Bytes of segments without room on the disk that are on their way to viewers at a time: a dozen of 5 MB each, a small
 * part of the sidecar's memory. One segment counts once, however many viewers get it.
 */
const MAX_PASSING_BYTES = 64 * 2 ** 20;

/** Segments that are sent out of memory because the volume had no room for them. */
export class PassingBytes {
  readonly #viewers = new Map<Uint8Array, number>();
  #bytes = 0;

  /** A viewer gets these bytes until the returned function is called. Throws EDGE_BUSY (503). */
  begin(bytes: Uint8Array): () => void {
    const viewers = this.#viewers.get(bytes) ?? 0;
    if (viewers === 0 && this.#bytes > 0 && this.#bytes + bytes.length > MAX_PASSING_BYTES) throw passingTooMuch();
    if (viewers === 0) this.#bytes += bytes.length;
    this.#viewers.set(bytes, viewers + 1);
    return () => this.#end(bytes);
  }

  #end(bytes: Uint8Array): void {
    const viewers = (this.#viewers.get(bytes) ?? 0) - 1;
    if (viewers > 0) {
      this.#viewers.set(bytes, viewers);
      return;
    }
    this.#viewers.delete(bytes);
    this.#bytes -= bytes.length;
  }
}

function passingTooMuch(): SluiceError {
  return new SluiceError(
    'The media volume of this edge is full, and it sends as much without it as it can; try again',
    {
      code: 'EDGE_BUSY',
      retryable: true,
      status: 503,
      retryAfterSeconds: 1,
    },
  );
}
