/** Counters of an edge since some moment; null: one that cannot be read. */
export interface Counters {
  /** Bytes that the pod has sent. */
  readonly egressBytes: number | null;
  /** Requests that nginx has taken. */
  readonly requests: number | null;
}

/** What an edge carries; null: not known, which is not zero. */
export interface Load {
  readonly egressBitsPerSecond: number | null;
  readonly requestsPerSecond: number | null;
}

/** Of an edge that has measured nothing. */
export const UNKNOWN_LOAD: Load = { egressBitsPerSecond: null, requestsPerSecond: null };

/** Segments are fetched in bursts, one per target duration: rates are means over so many samples apart, some 15 s. */
const SAMPLES_APART = 3;

interface Sample extends Counters {
  readonly atMs: number;
}

/** Makes rates of counters that are read every few seconds. */
export class LoadMeter {
  /** The newest last, at most {@link SAMPLES_APART} and one. */
  #samples: readonly Sample[] = [];

  /** Takes in what the counters show now. @param atMs of a clock that never steps back */
  take(atMs: number, counters: Counters): void {
    this.#samples = [...this.#samples, { atMs, ...counters }].slice(-SAMPLES_APART - 1);
  }

  /** The load over the last samples. */
  get load(): Load {
    const bytes = this.#rate(({ egressBytes }) => egressBytes);
    return {
      egressBitsPerSecond: bytes === null ? null : bytes * 8,
      requestsPerSecond: this.#rate(({ requests }) => requests),
    };
  }

  /** Growth per second since the oldest sample from which on the counter was read and never fell (nginx started again). */
  #rate(counterOf: (counters: Counters) => number | null): number | null {
    const newest = this.#samples.at(-1);
    const now = newest === undefined ? null : counterOf(newest);
    if (newest === undefined || now === null) return null;
    let oldest = { atMs: newest.atMs, value: now };
    for (const sample of this.#samples.slice(0, -1).reverse()) {
      const value = counterOf(sample);
      if (value === null || value > oldest.value) break;
      oldest = { atMs: sample.atMs, value };
    }
    const seconds = (newest.atMs - oldest.atMs) / 1000;
    return seconds > 0 ? (now - oldest.value) / seconds : null;
  }
}
