import type { Clock } from '../channel/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** A clock that tests move: timers run in the order of their times, and what they start is waited for. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #settle: () => Promise<void>;

  /** `settle` waits until work outside timers (files, sockets) is done. */
  constructor(startAt: number, settle: () => Promise<void>) {
    this.#now = startAt;
    this.#settle = settle;
  }

  now = (): number => this.#now;

  after = (delayMs: number, task: () => void): (() => void) => {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order, task };
    this.#order += 1;
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Timers that wait. */
  get size(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end);
      const next = due.sort((one, other) => one.at - other.at || one.order - other.order)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await this.#settle();
    }
    this.#now = end;
  }
}
