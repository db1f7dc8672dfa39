import type { WrittenVersions } from '../cache/written-versions.ts';
import { isTypedError, RuntimeError } from '../errors/error.ts';
import { Breath } from '../queue/breath.ts';
import { type Clock, MONOTONIC_CLOCK } from '../queue/clock.ts';
import { KeyedQueue, type Priority, type QueueSnapshot } from '../queue/keyed-queue.ts';
import { Deadlines } from './deadlines.ts';
import type { ControllerMetrics, ReconcileOutcome } from './metrics.ts';

/** What a reconcile asks for; nothing: wake me by a change only. */
export interface ReconcileResult {
  readonly requeueAfterSeconds?: number;
}

/**
 * Brings the world closer to what the object of this name asks for. Gets a name, not an event: it reads the latest
 * state and may be called at any time, for objects that no longer exist as well. Throws to be called again later; after
 * a typed error that is not retryable when the object changes, or else twice a minute: people have to mend that.
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
  /** Told of every failure but lost races (`Conflict`), which are retried in silence. */
  readonly onError?: (key: string, error: unknown) => void;
  /** What reconciles have written: the next one of a key waits until the caches show it. */
  readonly written?: Pick<WrittenVersions, 'behind'>;
  readonly clock?: Clock;
}

/** A queue of keys and the workers that reconcile them. */
export interface Controller {
  readonly name: string;
  /** For how long the reconcile that takes longest has been under way, in seconds; 0 if none is. */
  readonly workingSeconds: number;
  /** What its queue holds, at most `limit` keys of each sort. */
  snapshot(limit: number): QueueSnapshot;
  /** Something about `key` has changed; or, in the `background`, it is only to be looked at again. */
  enqueue(key: string, priority?: Priority): void;
  /** Look at `key` again later. */
  enqueueAfter(key: string, seconds: number, priority?: Priority): void;
  /**
   * Starts the workers, once; keys may be enqueued before, and wait (a standby that waits for its lease, or a cache
   * that is not synced).
   */
  start(): void;
  /**
   * Begins no reconcile any more and resolves when those under way have ended. Their signal is aborted after
   * `graceSeconds`; one that does not heed it within 5 s is reported and abandoned.
   */
  stop(graceSeconds: number): Promise<void>;
}

/** As long as controller-runtime's users commonly set it: above every call's own limit. */
const DEFAULT_TIMEOUT_SECONDS = 60;
/** For reconciles to notice that they are aborted, within the last seconds of a pod's grace period. */
const ABANDON_SECONDS = 5;

/** A right, a quota or a policy that people have to mend shows in no watch. */
const REFUSED_RETRY_MILLISECONDS = 30_000;

/** A watch shows a write within milliseconds, and wakes the key then; this is for what no watch tells. */
const BEHIND_MILLISECONDS = 50;

/** Makes a controller that does not work yet: {@link Controller.start}. */
export function createController(options: ControllerOptions): Controller {
  return new QueueController(options);
}

class QueueController implements Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #queue: KeyedQueue;
  /** One for each reconcile under way. Linked signals (AbortSignal.any) would cost as much as a whole reconcile. */
  readonly #underWay = new Set<AbortController>();
  readonly #deadlines: Deadlines;
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock ?? MONOTONIC_CLOCK;
    this.#queue = new KeyedQueue(this.#clock, options.metrics.queue);
    this.#deadlines = new Deadlines(this.#clock, (options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
    options.metrics.watchQueue(() => ({
      depth: { normal: this.#queue.depthOf('normal'), background: this.#queue.depthOf('background') },
      workingSeconds: this.#queue.workingMilliseconds.map((milliseconds) => milliseconds / 1000),
    }));
    options.metrics.setWorkers(options.workers ?? 1);
  }

  get workingSeconds(): number {
    return Math.max(0, ...this.#queue.workingMilliseconds) / 1000;
  }

  snapshot(limit: number): QueueSnapshot {
    return this.#queue.snapshot(limit);
  }

  enqueue(key: string, priority: Priority = 'normal'): void {
    this.#queue.add(key, priority);
  }

  enqueueAfter(key: string, seconds: number, priority: Priority = 'normal'): void {
    this.#queue.addAfter(key, seconds * 1000, priority);
  }

  start(): void {
    if (this.#workers.length > 0) return;
    this.#workers = Array.from({ length: this.#options.workers ?? 1 }, () => this.#work());
  }

  async stop(graceSeconds: number): Promise<void> {
    this.#queue.close();
    try {
      await this.#drain(graceSeconds);
    } finally {
      this.#deadlines.close();
    }
  }

  async #drain(graceSeconds: number): Promise<void> {
    const drained = Promise.all(this.#workers).then(() => true);
    if (await this.#within(graceSeconds, drained)) return;
    for (const reconcile of this.#underWay) reconcile.abort(stopped(`${this.name} stops`));
    if (await this.#within(ABANDON_SECONDS, drained)) return;
    this.#options.onError?.('', stopped(`${this.name}: a reconcile does not heed its signal and is abandoned`));
  }

  /** Whether `drained` is fulfilled in this time. */
  #within(seconds: number, drained: Promise<boolean>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(() => resolve(false), seconds * 1000);
      drained.finally(cancel).then(resolve, reject);
    });
  }

  async #work(): Promise<void> {
    const breath = new Breath(this.#clock);
    for (let key = await this.#queue.take(); key !== null; key = await this.#queue.take()) {
      const ended = this.#options.metrics.onReconcile();
      ended(await this.#reconcile(key));
      this.#queue.done(key);
      await breath.take();
    }
  }

  async #reconcile(key: string): Promise<ReconcileOutcome> {
    const { reconcile, written, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = this.#options;
    if (written !== undefined && written.behind(key) !== null) {
      this.#queue.addAfter(key, BEHIND_MILLISECONDS);
      return 'requeue_after';
    }
    const abort = new AbortController();
    this.#underWay.add(abort);
    let timeout: RuntimeError | null = null;
    const onTimeout = () => {
      timeout = timedOut(key, timeoutSeconds);
      abort.abort(timeout);
    };
    const ended = this.#deadlines.begin(onTimeout);
    try {
      const result = await reconcile(key, abort.signal);
      this.#queue.forget(key);
      if (result?.requeueAfterSeconds === undefined) return 'success';
      this.#queue.addAfter(key, result.requeueAfterSeconds * 1000);
      return 'requeue_after';
    } catch (error) {
      if (timeout === null) return this.#failed(key, error);
      this.#failed(key, timeout);
      return 'timeout';
    } finally {
      ended();
      this.#underWay.delete(abort);
    }
  }

  #failed(key: string, error: unknown): ReconcileOutcome {
    const known = isTypedError(error) ? error : null;
    if (known?.retryable === false) {
      this.#queue.forget(key);
      this.#queue.addAfter(key, REFUSED_RETRY_MILLISECONDS, 'background');
      this.#options.onError?.(key, error);
      return 'terminal_error';
    }
    this.#queue.retry(key, (known?.retryAfterSeconds ?? 0) * 1000);
    if (known?.code === 'Conflict') return 'requeue';
    this.#options.onError?.(key, error);
    return known === null ? 'panic' : 'error';
  }
}

function timedOut(key: string, seconds: number): RuntimeError {
  return new RuntimeError(`the reconcile of ${key} took longer than ${seconds} s`, {
    code: 'RECONCILE_TIMEOUT',
    retryable: true,
  });
}

function stopped(message: string): RuntimeError {
  return new RuntimeError(message, { code: 'CONTROLLER_STOPPED', retryable: true });
}
