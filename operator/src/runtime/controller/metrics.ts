import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import type { Priority, QueueObserver } from '../queue/keyed-queue.ts';

/**
 * How a reconcile ended. A `terminal_error`, a `timeout` and a `panic` (something was thrown that is no SluiceError: a
 * fault of the program) count as errors, too; `requeue` is a lost race.
 */
export type ReconcileOutcome =
  | 'success'
  | 'requeue'
  | 'requeue_after'
  | 'error'
  | 'terminal_error'
  | 'timeout'
  | 'panic';

/** What the gauges of a queue are read from. */
export interface QueueLook {
  /** Keys that wait. */
  readonly depth: Readonly<Record<Priority, number>>;
  /** Of each key that is worked on now, for how long. */
  readonly workingSeconds: readonly number[];
}

/** The metrics of one controller and its queue. */
export interface ControllerMetrics {
  readonly queue: QueueObserver;
  /** Gives the look at the queue that the gauges take when they are read. */
  watchQueue(look: () => QueueLook): void;
  /** Number of keys that are worked on at the same time at most. */
  setWorkers(workers: number): void;
  /** Called when a reconcile starts; the returned function when it ends. */
  onReconcile(): (outcome: ReconcileOutcome) => void;
}

/** Buckets in seconds of controller-runtime's reconcile histogram, thinned out. */
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Buckets in seconds of client-go's queue histograms: powers of ten from 1 ms (theirs begin at 10 ns). */
const QUEUE_BUCKETS = [0.001, 0.01, 0.1, 1, 10, 100, 1000];
/** Values of the label `priority`: controller-runtime's own, whose background is called low. */
const PRIORITIES: readonly (readonly [Priority, string])[] = [
  ['normal', '0'],
  ['background', '-100'],
];
const RESULTS = ['success', 'error', 'requeue', 'requeue_after'] as const;

/**
 * Metrics under controller-runtime's names, so that dashboards made for it work; every series exists from the start
 * with the value 0. One factory per registry.
 * @param metrics the program's registry
 */
export function createControllerMetricsFactory(metrics: Metrics): (controller: string) => ControllerMetrics {
  const reconcile = reconcileMetrics(metrics);
  const queue = queueMetrics(metrics);
  return (controller) => ({ ...reconcile(controller), ...queue(controller) });
}

function reconcileMetrics(metrics: Metrics) {
  const labels = ['controller'] as const;
  const count = (name: string, help: string) => metrics.counter(`controller_runtime_${name}_total`, help, labels);
  const total = metrics.counter('controller_runtime_reconcile_total', 'Reconciliations by controller and result', [
    'controller',
    'result',
  ]);
  const errors = count('reconcile_errors', 'Reconciliations that failed');
  const terminal = count('terminal_reconcile_errors', 'Reconciliations that failed for good');
  const panics = count('reconcile_panics', 'Reconciliations that failed by a fault of the program');
  const timeouts = count('reconcile_timeouts', 'Reconciliations that took too long');
  const time = metrics.histogram(
    'controller_runtime_reconcile_time_seconds',
    'Duration of reconciliations',
    labels,
    RECONCILE_BUCKETS,
  );
  const active = metrics.gauge('controller_runtime_active_workers', 'Workers that reconcile now', labels);
  const most = metrics.gauge('controller_runtime_max_concurrent_reconciles', 'Number of workers', labels);
  return (controller: string): Pick<ControllerMetrics, 'onReconcile' | 'setWorkers'> => {
    for (const result of RESULTS) total.inc({ controller, result }, 0);
    for (const counter of [errors, terminal, panics, timeouts]) counter.inc({ controller }, 0);
    time.zero({ controller });
    active.set({ controller }, 0);
    return {
      setWorkers: (workers) => most.set({ controller }, workers),
      onReconcile() {
        active.inc({ controller });
        const stopTimer = time.startTimer({ controller });
        return (outcome) => {
          stopTimer();
          active.dec({ controller });
          const failed = !(RESULTS as readonly string[]).includes(outcome) || outcome === 'error';
          total.inc({ controller, result: failed ? 'error' : outcome });
          if (failed) errors.inc({ controller });
          if (outcome === 'terminal_error') terminal.inc({ controller });
          if (outcome === 'panic') panics.inc({ controller });
          if (outcome === 'timeout') timeouts.inc({ controller });
        };
      },
    };
  };
}

function queueMetrics(metrics: Metrics) {
  const labels = ['name', 'controller'] as const;
  const looks = new Map<string, () => QueueLook>();
  const gauge = (name: string, help: string, value: (look: QueueLook) => number) =>
    metrics.gauge(`workqueue_${name}`, help, labels, (self) => {
      for (const [controller, look] of looks) self.set({ name: controller, controller }, value(look()));
    });
  const adds = metrics.counter('workqueue_adds_total', 'Keys added to the queue', labels);
  const retries = metrics.counter('workqueue_retries_total', 'Keys added again after a failure', labels);
  const waited = metrics.histogram(
    'workqueue_queue_duration_seconds',
    'How long keys wait for a worker',
    labels,
    QUEUE_BUCKETS,
  );
  const worked = metrics.histogram(
    'workqueue_work_duration_seconds',
    'How long keys are worked on',
    labels,
    QUEUE_BUCKETS,
  );
  metrics.gauge('workqueue_depth', 'Keys that wait in the queue', [...labels, 'priority'], (self) => {
    for (const [controller, look] of looks) {
      const { depth } = look();
      for (const [priority, value] of PRIORITIES) {
        self.set({ name: controller, controller, priority: value }, depth[priority]);
      }
    }
  });
  gauge('unfinished_work_seconds', 'Time spent so far on keys that are worked on', ({ workingSeconds }) =>
    workingSeconds.reduce((sum, seconds) => sum + seconds, 0),
  );
  gauge('longest_running_processor_seconds', 'Time spent so far on the key worked on longest', ({ workingSeconds }) =>
    Math.max(0, ...workingSeconds),
  );
  return (controller: string): Pick<ControllerMetrics, 'queue' | 'watchQueue'> => {
    const own = { name: controller, controller };
    for (const counter of [adds, retries]) counter.inc(own, 0);
    for (const histogram of [waited, worked]) histogram.zero(own);
    return {
      watchQueue: (look) => void looks.set(controller, look),
      queue: {
        onAdd: () => adds.inc(own),
        onRetry: () => retries.inc(own),
        onTake: (_key, milliseconds) => waited.observe(own, milliseconds / 1000),
        onDone: (_key, milliseconds) => worked.observe(own, milliseconds / 1000),
      },
    };
  };
}
