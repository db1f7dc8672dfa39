import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Priority, QueueObserver } from '../queue/keyed-queue.ts';

/**
 * How a reconcile ended. A `terminal_error`, a `timeout` and a `panic` (something was thrown that is no typed error: a
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
 */
export function createControllerMetricsFactory(registry: Registry): (controller: string) => ControllerMetrics {
  const reconcile = reconcileMetrics([registry]);
  const queue = queueMetrics([registry]);
  return (controller) => ({ ...reconcile(controller), ...queue(controller) });
}

function reconcileMetrics(registers: Registry[]) {
  const labelNames = ['controller'] as const;
  const count = (name: string, help: string) =>
    new Counter({ name: `controller_runtime_${name}_total`, help, labelNames, registers });
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by controller and result',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = count('reconcile_errors', 'Reconciliations that failed');
  const terminal = count('terminal_reconcile_errors', 'Reconciliations that failed for good');
  const panics = count('reconcile_panics', 'Reconciliations that failed by a fault of the program');
  const timeouts = count('reconcile_timeouts', 'Reconciliations that took too long');
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Duration of reconciliations',
    labelNames,
    buckets: RECONCILE_BUCKETS,
    registers,
  });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `controller_runtime_${name}`, help, labelNames, registers });
  const active = gauge('active_workers', 'Workers that reconcile now');
  const most = gauge('max_concurrent_reconciles', 'Number of workers');
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

function queueMetrics(registers: Registry[]) {
  const labelNames = ['name', 'controller'] as const;
  const looks = new Map<string, () => QueueLook>();
  const gauge = (name: string, help: string, value: (look: QueueLook) => number) =>
    new Gauge({
      name: `workqueue_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        for (const [controller, look] of looks) this.set({ name: controller, controller }, value(look()));
      },
    });
  const count = (name: string, help: string) =>
    new Counter({ name: `workqueue_${name}_total`, help, labelNames, registers });
  const spread = (name: string, help: string) =>
    new Histogram({ name: `workqueue_${name}_duration_seconds`, help, labelNames, buckets: QUEUE_BUCKETS, registers });
  const adds = count('adds', 'Keys added to the queue');
  const retries = count('retries', 'Keys added again after a failure');
  const waited = spread('queue', 'How long keys wait for a worker');
  const worked = spread('work', 'How long keys are worked on');
  depthGauge(looks, registers);
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

function depthGauge(looks: ReadonlyMap<string, () => QueueLook>, registers: Registry[]): void {
  new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait in the queue',
    labelNames: ['name', 'controller', 'priority'],
    registers,
    collect() {
      for (const [controller, look] of looks) {
        const { depth } = look();
        for (const [priority, value] of PRIORITIES) {
          this.set({ name: controller, controller, priority: value }, depth[priority]);
        }
      }
    },
  });
}
