import type { Clock } from '../queue/clock.ts';

/**
 * Deadlines of work that nearly always ends long before: all are as far off as each other, so that one timer, for the
 * oldest, watches over all, and most work begins and ends without setting any. It keeps no process from ending.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  /** What is late, by when it is; in the order in which it began. */
  readonly #dueAt = new Map<() => void, number>();
  #cancel: (() => void) | null = null;

  /** @param milliseconds from the beginning of each work to its deadline */
  constructor(clock: Clock, milliseconds: number) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
  }

  /** Work begins. @param onLate called once if it has not ended by its deadline @returns to be called at its end */
  begin(onLate: () => void): () => void {
    this.#dueAt.set(onLate, this.#clock.now() + this.#milliseconds);
    this.#cancel ??= this.#clock.setTimer(this.#look, this.#milliseconds, false);
    return () => void this.#dueAt.delete(onLate);
  }

  /** Nobody is late any more. */
  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#dueAt.clear();
  }

  readonly #look = (): void => {
    this.#cancel = null;
    const now = this.#clock.now();
    for (const [onLate, dueAt] of this.#dueAt) {
      if (dueAt > now) {
        this.#cancel = this.#clock.setTimer(this.#look, dueAt - now, false);
        return;
      }
      this.#dueAt.delete(onLate);
      onLate();
    }
  };
}
