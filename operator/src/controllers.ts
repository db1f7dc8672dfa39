import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import type { WrittenVersions } from './runtime/cache/written-versions.ts';
import { type Controller, createController, type Reconcile } from './runtime/controller/controller.ts';
import { createControllerMetricsFactory } from './runtime/controller/metrics.ts';
import { type Clock, MONOTONIC_CLOCK } from './runtime/queue/clock.ts';

/** What the controllers of the operator share. */
export interface SharedByControllers {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock | undefined;
}

/** One of the operator's controllers. */
export interface ControllerParts {
  /** Label of its metrics and logs. */
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly workers: number;
  /** What its reconciles have written, if they have to wait for the caches. */
  readonly written?: WrittenVersions;
}

/** Makes the operator's controllers, one registry's metrics for all of them. */
export function createControllerFactory({
  log,
  metrics,
  clock = MONOTONIC_CLOCK,
}: SharedByControllers): (parts: ControllerParts) => Controller {
  const metricsOf = createControllerMetricsFactory(metrics.registry);
  return (parts) => {
    const { name } = parts;
    const what = { session: 'session', 'edge-scale': 'deployment' }[name] ?? 'channel';
    return createController({
      ...parts,
      metrics: metricsOf(name),
      clock,
      onError: (key, error) => log.warn({ controller: name, [what]: key, err: error }, 'reconcile failed'),
    });
  };
}
