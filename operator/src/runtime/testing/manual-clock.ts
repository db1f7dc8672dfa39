import type { Clock } from '../queue/clock.ts';

interface Timer {
  readonly dueAt: number;
  readonly milliseconds: number;
  readonly callback: () => void;
}

/** A clock for tests that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  /** Milliseconds of the timers that are set, as they were asked for. */
  get timers(): readonly number[] {
    return this.#timers.map(({ milliseconds }) => milliseconds);
  }

  readonly now = (): number => this.#now;

  readonly setTimer = (callback: () => void, milliseconds: number): (() => void) => {
    const timer: Timer = { dueAt: this.#now + milliseconds, milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Lets time pass; timers fire in their order, each at its own time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter(({ dueAt }) => dueAt <= end).sort((left, right) => left.dueAt - right.dueAt)[0];
      if (due === undefined) break;
      this.#now = due.dueAt;
      this.#timers = this.#timers.filter((other) => other !== due);
      due.callback();
    }
    this.#now = end;
  }
}
