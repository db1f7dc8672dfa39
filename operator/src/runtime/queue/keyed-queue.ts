import type { Clock } from './clock.ts';
import { Lanes, type Priority, sooner } from './lanes.ts';

export type { Priority } from './lanes.ts';

/** When and why keys wait. */
export interface QueueObserver {
  onAdd?(key: string): void;
  onRetry?(key: string): void;
  /** @param waitedMilliseconds since it was added */
  onTake?(key: string, waitedMilliseconds: number): void;
  /** @param workedMilliseconds since it was taken */
  onDone?(key: string, workedMilliseconds: number): void;
}

/** A look into a queue. */
export interface QueueSnapshot {
  /** Keys that wait for a worker, the next one first; those of the background at the end. */
  readonly waiting: readonly string[];
  /** Keys that are worked on, and for how long. */
  readonly working: readonly { readonly key: string; readonly seconds: number }[];
  /** Keys that come later, and in how long. */
  readonly delayed: readonly { readonly key: string; readonly seconds: number }[];
  /** Keys that have failed, and how often in a row. */
  readonly failures: readonly { readonly key: string; readonly count: number }[];
}

interface Delayed {
  readonly dueAt: number;
  readonly priority: Priority;
  readonly cancel: () => void;
}

/** First wait after a failure, and the longest: the values of client-go's default rate limiter. */
const FIRST_RETRY_MILLISECONDS = 5;
const LONGEST_RETRY_MILLISECONDS = 1_000_000;
/** A timer's delay is a signed 32-bit number; a longer one would fire at once. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/**
 * Keys that need work. A key is in it at most once; one that is added while it is worked on comes once more
 * afterwards, so no change is missed and no key is worked on twice at a time (semantics of client-go's workqueue). One
 * that is added all the time goes to the end of the line each time, and so holds up no other. Keys that are only looked
 * at again (`background`) let the others go first, but never starve.
 */
export class KeyedQueue {
  readonly #clock: Clock;
  readonly #observer: QueueObserver;
  readonly #ready = new Lanes();
  readonly #working = new Map<string, { readonly since: number; readonly priority: Priority }>();
  readonly #again = new Map<string, Priority>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | null) => void)[] = [];
  #closed = false;

  constructor(clock: Clock, observer: QueueObserver = {}) {
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Keys that wait for a worker now, those included that wait for the end of the work on them. */
  get depth(): number {
    return this.depthOf('normal') + this.depthOf('background');
  }

  /** The same for one priority. */
  depthOf(priority: Priority): number {
    let again = 0;
    for (const each of this.#again.values()) again += Number(each === priority);
    return this.#ready.depth(priority) + again;
  }

  /** How long the key that has waited longest has waited, in milliseconds; 0 if none waits. */
  get oldestWaitMilliseconds(): number {
    const since = this.#ready.oldestSince;
    return since === null ? 0 : this.#clock.now() - since;
  }

  /** For each key that is worked on now, for how many milliseconds. */
  get workingMilliseconds(): readonly number[] {
    return [...this.#working.values()].map(({ since }) => this.#clock.now() - since);
  }

  /** What the queue holds, at most `limit` keys of each sort: for people who look for what is stuck. */
  snapshot(limit: number): QueueSnapshot {
    const seconds = (milliseconds: number): number => milliseconds / 1000;
    const now = this.#clock.now();
    return {
      waiting: this.#ready.keys(limit),
      working: [...this.#working].slice(0, limit).map(([key, { since }]) => ({ key, seconds: seconds(now - since) })),
      delayed: [...this.#delayed]
        .slice(0, limit)
        .map(([key, { dueAt }]) => ({ key, seconds: seconds(Math.max(0, dueAt - now)) })),
      failures: [...this.#failures].slice(0, limit).map(([key, count]) => ({ key, count })),
    };
  }

  /** Wants `key` worked on as soon as a worker is free; a delayed wish for it is thereby met. */
  add(key: string, priority: Priority = 'normal'): void {
    if (this.#closed) return;
    this.#cancelDelay(key);
    if (this.#working.has(key)) this.#again.set(key, sooner(priority, this.#again.get(key) ?? priority));
    else this.#enqueue(key, priority);
  }

  /** Wants `key` worked on after a while; of several such wishes the earliest counts. */
  addAfter(key: string, milliseconds: number, priority: Priority = 'normal'): void {
    if (this.#closed) return;
    if (milliseconds <= 0) {
      this.add(key, priority);
      return;
    }
    const wished = this.#clock.now() + milliseconds;
    const known = this.#delayed.get(key);
    const urgency = sooner(priority, known?.priority ?? priority);
    // A wish that is met already leaves its timer alone: those who wish a hundred times a second pay for one.
    if (known !== undefined && known.dueAt <= wished && known.priority === urgency) return;
    this.#cancelDelay(key);
    this.#delay(key, Math.min(wished, known?.dueAt ?? wished), urgency);
  }

  /**
   * Wants `key`, which is being worked on, worked on again after a failure: later each time, as urgent as it was.
   * @param atLeastMilliseconds what the server asked for (Retry-After)
   * @returns milliseconds until then
   */
  retry(key: string, atLeastMilliseconds = 0): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const backOff = Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(failures, 30), LONGEST_RETRY_MILLISECONDS);
    const wait = Math.max(backOff, atLeastMilliseconds);
    this.#observer.onRetry?.(key);
    this.addAfter(key, wait, this.#working.get(key)?.priority);
    return wait;
  }

  /** The work on `key` has succeeded: its next failure waits shortly again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * The next key, as soon as there is one; null when the queue is closed. Each key taken must be given to
   * {@link done}.
   */
  take(): Promise<string | null> {
    const next = this.#ready.take();
    if (next !== null) {
      this.#begin(next.key, next.priority, next.since);
      return Promise.resolve(next.key);
    }
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The work on `key` has ended, well or badly. */
  done(key: string): void {
    const work = this.#working.get(key);
    if (work === undefined) return;
    this.#working.delete(key);
    this.#observer.onDone?.(key, this.#clock.now() - work.since);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined && !this.#closed) this.#enqueue(key, again);
  }

  /** Nothing is taken any more; timers are gone. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#again.clear();
    for (const taker of this.#takers.splice(0)) taker(null);
  }

  #enqueue(key: string, priority: Priority): void {
    const now = this.#clock.now();
    if (!this.#ready.has(key)) this.#observer.onAdd?.(key);
    const taker = this.#takers.shift();
    if (taker === undefined) this.#ready.put(key, priority, now);
    else {
      this.#begin(key, priority, now);
      taker(key);
    }
  }

  #begin(key: string, priority: Priority, addedAt: number): void {
    this.#working.set(key, { since: this.#clock.now(), priority });
    this.#observer.onTake?.(key, this.#clock.now() - addedAt);
  }

  #delay(key: string, dueAt: number, priority: Priority): void {
    const left = Math.max(0, dueAt - this.#clock.now()); // an earlier wish may be due by now
    const isLast = left <= LONGEST_TIMER_MILLISECONDS;
    const onTimer = () => (isLast ? this.add(key, priority) : this.#delay(key, dueAt, priority));
    const cancel = this.#clock.setTimer(onTimer, Math.min(left, LONGEST_TIMER_MILLISECONDS));
    this.#delayed.set(key, { dueAt, priority, cancel });
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }
}
