import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { KeyedQueue } from '../queue/keyed-queue.ts';
import type { ControllerMetrics } from './metrics.ts';

/** What a reconcile asks for; nothing: wake me by a change only. */
export interface ReconcileResult {
  readonly requeueAfterSeconds?: number;
}

/**
 * Brings the world closer to what the object of this name asks for. Gets a name, not an event: it reads the latest
 * state and may be called at any time, for objects that no longer exist as well. Throws to be called again later; a
 * SluiceError that is not retryable waits for a change of the object instead.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>;

/** What a controller is made of. */
export interface ControllerOptions {
  /** Label of its metrics and logs. */
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly metrics: ControllerMetrics;
  /** Keys worked on at the same time; one by default. */
  readonly workers?: number;
  /** A reconcile is aborted after this; default 60. */
  readonly timeoutSeconds?: number;
  readonly onError?: (key: string, error: unknown) => void;
}

/** A queue of keys and the workers that reconcile them. */
export interface Controller {
  readonly name: string;
  /** Something about `key` has changed. */
  enqueue(key: string): void;
  /** Look at `key` again later. */
  enqueueAfter(key: string, seconds: number): void;
  /** Starts the workers; keys may be enqueued before (a standby that waits for its lease). */
  start(): void;
  /** Lets running reconciles end (they see their signal aborted after `graceSeconds`), then resolves. */
  stop(graceSeconds: number): Promise<void>;
}

/** As long as controller-runtime's users commonly set it: above every call's own limit. */
const DEFAULT_TIMEOUT_SECONDS = 60;

export function createController(options: ControllerOptions): Controller {
  const { metrics } = options;
  const queue = new KeyedQueue({
    now: () => performance.now(),
    setTimer(callback, milliseconds) {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    observer: { onAdd: () => metrics.onAdd(), onRetry: () => metrics.onRetry() },
  });
  const stopping = new AbortController();
  let workers: Promise<void>[] = [];
  metrics.watchQueue(() => ({ depth: queue.depth, oldestWaitSeconds: queue.oldestWaitMilliseconds / 1000 }));
  return {
    name: options.name,
    enqueue: (key) => queue.add(key),
    enqueueAfter: (key, seconds) => queue.addAfter(key, seconds * 1000),
    start() {
      workers = Array.from({ length: options.workers ?? 1 }, () => work(options, queue, stopping.signal));
    },
    async stop(graceSeconds) {
      queue.close();
      const timer = setTimeout(() => stopping.abort(), graceSeconds * 1000);
      await Promise.all(workers);
      clearTimeout(timer);
    },
  };
}

async function work(options: ControllerOptions, queue: KeyedQueue, stopping: AbortSignal): Promise<void> {
  for (let key = await queue.take(); key !== null; key = await queue.take()) {
    await reconcileOnce(options, queue, key, stopping);
    queue.done(key);
  }
}

async function reconcileOnce(
  options: ControllerOptions,
  queue: KeyedQueue,
  key: string,
  stopping: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout((options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
  const observe = options.metrics.onReconcile();
  try {
    const result = await options.reconcile(key, AbortSignal.any([stopping, timeout]));
    queue.forget(key);
    if (result?.requeueAfterSeconds === undefined) observe('success');
    else {
      queue.addAfter(key, result.requeueAfterSeconds * 1000);
      observe('requeue_after');
    }
  } catch (error) {
    const terminal = error instanceof SluiceError && !error.retryable;
    observe(terminal ? 'terminal_error' : 'error');
    if (!terminal) queue.retry(key);
    options.onError?.(key, error);
  }
}

/** `thrown` as one line for a log or condition. */
export function reconcileErrorText(key: string, thrown: unknown): string {
  return `${key}: ${messageOf(thrown)}`;
}
