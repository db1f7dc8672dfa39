import type { Metrics } from '@sluice/common/metrics/metrics.ts';

/** How a reconcile ended, as controller-runtime labels it; a terminal error counts as an error, too. */
export type ReconcileOutcome = 'success' | 'requeue_after' | 'error' | 'terminal_error';

/** The metrics of one controller and its queue. */
export interface ControllerMetrics {
  onAdd(): void;
  onRetry(): void;
  /** Called when a reconcile starts; the returned function when it ends. */
  onReconcile(): (outcome: ReconcileOutcome) => void;
  /** Gives the look at the queue that the gauges take when they are read. */
  watchQueue(look: () => { readonly depth: number; readonly oldestWaitSeconds: number }): void;
}

/** Buckets in seconds of controller-runtime's reconcile histogram, thinned out. */
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const RESULTS = ['success', 'error', 'requeue_after'] as const;

/**
 * Metrics under controller-runtime's names, so that dashboards made for it work; every series exists from the start
 * with the value 0. @param metrics the program's registry
 */
export function createControllerMetricsFactory(metrics: Metrics): (controller: string) => ControllerMetrics {
  const total = metrics.counter('controller_runtime_reconcile_total', 'Reconciliations by controller and result', [
    'controller',
    'result',
  ]);
  const errors = metrics.counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed', [
    'controller',
  ]);
  const terminal = metrics.counter(
    'controller_runtime_terminal_reconcile_errors_total',
    'Reconciliations that failed for good',
    ['controller'],
  );
  const time = metrics.histogram(
    'controller_runtime_reconcile_time_seconds',
    'Duration of reconciliations',
    ['controller'],
    RECONCILE_BUCKETS,
  );
  const active = metrics.gauge('controller_runtime_active_workers', 'Workers that reconcile now', ['controller']);
  const adds = metrics.counter('workqueue_adds_total', 'Keys added to the queue', ['name', 'controller']);
  const retries = metrics.counter('workqueue_retries_total', 'Keys added again after a failure', [
    'name',
    'controller',
  ]);
  const looks = new Map<string, () => { readonly depth: number; readonly oldestWaitSeconds: number }>();
  metrics.gauge('workqueue_depth', 'Keys that wait in the queue', ['name', 'controller'], (gauge) => {
    for (const [controller, look] of looks) gauge.set({ name: controller, controller }, look().depth);
  });
  metrics.gauge(
    'workqueue_oldest_wait_seconds',
    'How long the key taken next has waited',
    ['name', 'controller'],
    (gauge) => {
      for (const [controller, look] of looks) gauge.set({ name: controller, controller }, look().oldestWaitSeconds);
    },
  );
  return (controller) => {
    const queueLabels = { name: controller, controller };
    for (const result of RESULTS) total.inc({ controller, result }, 0);
    for (const counter of [errors, terminal]) counter.inc({ controller }, 0);
    for (const counter of [adds, retries]) counter.inc(queueLabels, 0);
    active.set({ controller }, 0);
    return {
      onAdd: () => adds.inc(queueLabels),
      onRetry: () => retries.inc(queueLabels),
      watchQueue: (look) => looks.set(controller, look),
      onReconcile() {
        active.inc({ controller });
        const stopTimer = time.startTimer({ controller });
        return (outcome) => {
          stopTimer();
          active.dec({ controller });
          const failed = outcome === 'error' || outcome === 'terminal_error';
          total.inc({ controller, result: failed ? 'error' : outcome });
          if (failed) errors.inc({ controller });
          if (outcome === 'terminal_error') terminal.inc({ controller });
        };
      },
    };
  };
}
