import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * A program's metrics: one registry of its own instead of prom-client's global one, so that two programs (or two
 * tests) in one process never share a number. Names: the product's begin with `sluice_`, units are SI base units in
 * the name (`_seconds`, `_bytes`), counters end in `_total`.
 */
export interface Metrics {
  readonly registry: Registry;
  /** A number that only grows. @throws Error if the name is taken */
  counter<Label extends string>(name: string, help: string, labelNames?: readonly Label[]): Counter<Label>;
  /** A number that goes up and down. `collect`, if given, sets it whenever the metrics are read. */
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
    collect?: (gauge: Gauge<Label>) => void,
  ): Gauge<Label>;
  /** A distribution; `buckets` are upper bounds in the metric's unit, ascending. */
  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: readonly number[],
  ): Histogram<Label>;
  /** Everything in Prometheus' text format, as /metrics answers it. */
  text(): Promise<string>;
}

/** Prometheus' text exposition format, the Content-Type of {@link Metrics.text}. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Series that prom-client makes of looking at the event loop 100 times a second, which is two thirds of what an idle
 * program costs. `nodejs_eventloop_lag_seconds`, taken whenever the metrics are read, stays.
 */
const DEAR_SERIES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (part) => `nodejs_eventloop_lag_${part}_seconds`,
);
/** The look cannot be left out, but it can be put off to the next day. */
const NO_LOOK_MS = 86_400_000;

/** Metrics with the process's own (`process_*`, `nodejs_*`) already in them. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NO_LOOK_MS });
  for (const name of DEAR_SERIES) registry.removeSingleMetric(name);
  const registers = [registry];
  return {
    registry,
    counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        ...(collect === undefined
          ? {}
          : {
              collect() {
                collect(this);
              },
            }),
      }),
    histogram: (name, help, labelNames, buckets) =>
      new Histogram({ name, help, labelNames, buckets: [...buckets], registers }),
    text: () => registry.metrics(),
  };
}
