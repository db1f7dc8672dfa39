import type { OwnerAddress } from '../replication/owner-link.ts';
import type { Clock } from './clock.ts';

/** Pause in ms before an edge that hears the owner is asked for its copy again: half of the shortest usual target duration. */
const COPY_AGAIN_MS = 1_000;
/** An edge that is cut off from the owner asks far more often than this; in ms. */
const SHOWS_MS = 10_000;

/**
 * What two followers of a channel are to each other where only one of them hears the owner: the one that is cut off
 * alone goes on by way of the other one.
 */
export class Detour {
  readonly #clock: Clock;
  #via: OwnerAddress | null = null;
  #cancel = (): void => {};
  /** When another edge asked this one, in ms. */
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The edge by way of which this one goes on; null while it hears the owner itself, or knows no other way. */
  get via(): OwnerAddress | null {
    return this.#via;
  }

  /** Whether another edge goes on by way of this one. */
  get isUsed(): boolean {
    return this.#clock.now() - this.#askedAt <= SHOWS_MS;
  }

  /** An edge that does not hear the owner asks this one. */
  asked(): void {
    this.#askedAt = this.#clock.now();
  }

  /** This edge goes on by way of `via`; `again` is called when it is time to ask that one again. */
  take(via: OwnerAddress, again: () => void): void {
    this.#via = via;
    this.#cancel();
    this.#cancel = this.#clock.after(COPY_AGAIN_MS, again);
  }

  /** The owner is heard, or another one has taken its place. */
  end(): void {
    this.#via = null;
    this.#cancel();
  }
}
