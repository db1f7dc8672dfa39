import type { PodLoad } from './usage.ts';

/** Edges report every five seconds: who has missed five reports in a row is not known any more. */
const FRESH_MS = 27_500;
/**
 * Far above any network card: a number that is larger is an error or a lie, and only the bounds of the settings would
 * hold it.
 */
const MOST_BITS_PER_SECOND = 1e12;
const MOST_REQUESTS_PER_SECOND = 1e7;

/** What each edge said last of its load, by the uid of its pod. */
export class LoadBook {
  readonly #loads = new Map<string, { readonly atMs: number; readonly load: PodLoad }>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** An edge has reported; a number beyond reason counts as unknown. */
  take(edge: string, { egressBitsPerSecond, requestsPerSecond }: PodLoad): void {
    const load = {
      egressBitsPerSecond: within(egressBitsPerSecond, MOST_BITS_PER_SECOND),
      requestsPerSecond: within(requestsPerSecond, MOST_REQUESTS_PER_SECOND),
    };
    this.#loads.set(edge, { atMs: this.#now(), load });
  }

  /** What an edge carries; null: it has said nothing, or nothing lately. */
  of(edge: string): PodLoad | null {
    const known = this.#loads.get(edge);
    return known === undefined || this.#now() - known.atMs > FRESH_MS ? null : known.load;
  }

  /** The pod is gone. */
  forget(edge: string): void {
    this.#loads.delete(edge);
  }
}

function within(value: number | null, most: number): number | null {
  return value === null || value > most ? null : value;
}
