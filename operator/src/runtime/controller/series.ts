import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * Metrics that change many times a second and are read a few times a minute. A change of one of prom-client's series
 * looks its labels up, which costs as much as the work that it counts; so numbers are kept here, and handed over when
 * they are read.
 */

/** What a metric is called. */
export interface SeriesOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly registers: Registry[];
}

/** Labels with their values. */
export type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** A number of one series; `add` changes it. */
export class Tally {
  #value = 0;

  /** What it has come to. */
  get value(): number {
    return this.#value;
  }

  /** Adds to it; 1 if left out. */
  add(amount = 1): void {
    this.#value += amount;
  }
}

/** Values that wait to be handed over, of one series: at most 8 kB. */
const WAITING_MAX = 1000;

/** Values of one series of a distribution. */
export class Spread {
  readonly #waiting: number[] = [];
  readonly #hand: (value: number) => void;

  /** @param hand takes each value when it is handed over */
  constructor(hand: (value: number) => void) {
    this.#hand = hand;
  }

  /** Takes a value, in the metric's unit. */
  observe(value: number): void {
    this.#waiting.push(value);
    if (this.#waiting.length >= WAITING_MAX) this.handOver();
  }

  /** Somebody reads. */
  handOver(): void {
    for (const value of this.#waiting.splice(0)) this.#hand(value);
  }
}

/** Declares a metric that only grows. @returns makes a series with the value 0 */
export function countedSeries<Label extends string>(options: SeriesOptions<Label>): (labels: Labels<Label>) => Tally {
  const series = new Map<Labels<Label>, { readonly tally: Tally; told: number }>();
  new Counter({
    ...options,
    collect() {
      for (const [labels, each] of series) {
        this.inc(labels, each.tally.value - each.told);
        each.told = each.tally.value;
      }
    },
  });
  return (labels) => {
    const tally = new Tally();
    series.set(labels, { tally, told: 0 });
    return tally;
  };
}

/** Declares a metric that goes up and down. @returns makes a series with the value 0 */
export function levelSeries<Label extends string>(options: SeriesOptions<Label>): (labels: Labels<Label>) => Tally {
  const series = new Map<Labels<Label>, Tally>();
  new Gauge({
    ...options,
    collect() {
      for (const [labels, tally] of series) this.set(labels, tally.value);
    },
  });
  return (labels) => {
    const tally = new Tally();
    series.set(labels, tally);
    return tally;
  };
}

/** Declares a distribution. @param options with the upper bounds of its buckets @returns makes a series without values */
export function spreadSeries<Label extends string>(
  options: SeriesOptions<Label> & { readonly buckets: readonly number[] },
): (labels: Labels<Label>) => Spread {
  const series: Spread[] = [];
  const histogram = new Histogram({
    ...options,
    buckets: [...options.buckets],
    collect() {
      for (const spread of series) spread.handOver();
    },
  });
  return (labels) => {
    histogram.zero(labels);
    const spread = new Spread((value) => histogram.observe(labels, value));
    series.push(spread);
    return spread;
  };
}
