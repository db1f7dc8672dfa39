import { Gauge, type Registry } from 'prom-client';
import type { Priority, QueueObserver } from '../queue/keyed-queue.ts';
import { countedSeries, levelSeries, spreadSeries, type Tally } from './series.ts';

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
type Result = (typeof RESULTS)[number];

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
    countedSeries({ name: `controller_runtime_${name}_total`, help, labelNames, registers });
  const total = countedSeries({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by controller and result',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = count('reconcile_errors', 'Reconciliations that failed');
  const terminal = count('terminal_reconcile_errors', 'Reconciliations that failed for good');
  const panics = count('reconcile_panics', 'Reconciliations that failed by a fault of the program');
  const timeouts = count('reconcile_timeouts', 'Reconciliations that took too long');
  const time = spreadSeries({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Duration of reconciliations',
    labelNames,
    buckets: RECONCILE_BUCKETS,
    registers,
  });
  const level = (name: string, help: string) =>
    levelSeries({ name: `controller_runtime_${name}`, help, labelNames, registers });
  const active = level('active_workers', 'Workers that reconcile now');
  const most = level('max_concurrent_reconciles', 'Number of workers');
  return (controller: string): Pick<ControllerMetrics, 'onReconcile' | 'setWorkers'> => {
    const results = {
      success: total({ controller, result: 'success' }),
      error: total({ controller, result: 'error' }),
      requeue: total({ controller, result: 'requeue' }),
      requeue_after: total({ controller, result: 'requeue_after' }),
    };
    const failures: Partial<Record<ReconcileOutcome, Tally>> = {
      terminal_error: terminal({ controller }),
      panic: panics({ controller }),
      timeout: timeouts({ controller }),
    };
    const failed = errors({ controller });
    const [took, working, workers] = [time({ controller }), active({ controller }), most({ controller })];
    return {
      setWorkers: (number) => workers.add(number - workers.value),
      onReconcile() {
        working.add();
        const startedAt = performance.now();
        return (outcome) => {
          took.observe((performance.now() - startedAt) / 1000);
          working.add(-1);
          const isFailure = outcome === 'error' || outcome in failures;
          if (isFailure) failed.add();
          failures[outcome]?.add();
          results[isResult(outcome) ? outcome : 'error'].add();
        };
      },
    };
  };
}

function isResult(outcome: ReconcileOutcome): outcome is Result {
  return (RESULTS as readonly string[]).includes(outcome);
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
    countedSeries({ name: `workqueue_${name}_total`, help, labelNames, registers });
  const spread = (name: string, help: string) =>
    spreadSeries({
      name: `workqueue_${name}_duration_seconds`,
      help,
      labelNames,
      buckets: QUEUE_BUCKETS,
      registers,
    });
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
    const labels = { name: controller, controller };
    const [added, retried, wait, work] = [adds(labels), retries(labels), waited(labels), worked(labels)];
    return {
      watchQueue: (look) => void looks.set(controller, look),
      queue: {
        onAdd: () => added.add(),
        onRetry: () => retried.add(),
        onTake: (_key, milliseconds) => wait.observe(milliseconds / 1000),
        onDone: (_key, milliseconds) => work.observe(milliseconds / 1000),
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
