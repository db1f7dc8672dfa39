import type { SluiceError } from '@sluice/common/errors/error.ts';
import { sourceError } from './errors.ts';

/**
 * Bytes of answers on their way into memory at a time, of all channels: three segments of the largest size, or fifty of
 * usual ones. The sidecar needs 150 MB beside, the runtime collects what it has read a hundred megabytes too late, and the
 * chart gives it 512.
 */
export const MAX_BYTES_UNDER_WAY = 160_000_000;

/** What one answer occupies. */
export interface Holding {
  /** Takes more room. Throws SOURCE_CROWDED_OUT where this answer is the largest, and there is none. */
  grow(bytes: number): void;
  /** Gives everything back. */
  release(): void;
}

interface Held extends Holding {
  bytes: number;
  readonly crowdOut: (error: SluiceError) => void;
}

/**
 * Room for what is read from sources and other edges at the same time. Where it ends, the largest answer under way is given up for the sake
 * of the others: one channel with huge or stalling segments cannot keep those of its neighbours away, whatever it does.
 */
export class ReadingRoom {
  readonly #limitBytes: number;
  readonly #held = new Set<Held>();
  #bytes = 0;

  constructor(limitBytes = MAX_BYTES_UNDER_WAY) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A place for one answer; `crowdOut` is called with the error when it has to go. */
  enter(crowdOut: (error: SluiceError) => void): Holding {
    const held: Held = {
      bytes: 0,
      crowdOut,
      grow: (bytes) => this.#grow(held, bytes),
      release: () => this.#leave(held),
    };
    this.#held.add(held);
    return held;
  }

  #grow(held: Held, bytes: number): void {
    if (!this.#held.has(held)) throw crowdedOut();
    held.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limitBytes) {
      const largest = [...this.#held].reduce((one, other) => (other.bytes > one.bytes ? other : one));
      this.#leave(largest);
      if (largest === held) throw crowdedOut();
      largest.crowdOut(crowdedOut());
    }
  }

  #leave(held: Held): void {
    if (this.#held.delete(held)) this.#bytes -= held.bytes;
  }
}

function crowdedOut(): SluiceError {
  return sourceError(
    'SOURCE_CROWDED_OUT',
    'The edge reads as much at a time as its memory allows, and this was the largest piece of it; shorter segments, or more edges, help',
  );
}
