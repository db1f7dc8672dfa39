import type { Clock } from './clock.ts';

/** Runs a piece of work whenever something has changed, never twice at the same time, and at a time that it asks for. */
export class Pump {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #work: () => Promise<void>;
  readonly #planned: () => void;
  #running: Promise<void> | null = null;
  /** Something has changed while it ran. */
  #again = false;
  #cancelTimer = (): void => {};

  /**
   * @param work never rejects
   * @param planned called at the planned time, and where something has changed during the work: it calls {@link run} if
   *   there is anything to do
   */
  constructor(clock: Pick<Clock, 'after'>, work: () => Promise<void>, planned: () => void) {
    this.#clock = clock;
    this.#work = work;
    this.#planned = planned;
  }

  run(): void {
    this.#again = true;
    if (this.#running !== null) return;
    this.#again = false;
    this.#running = this.#work().finally(() => {
      this.#running = null;
      if (this.#again) this.#planned();
    });
  }

  /** So many ms from now, in place of what was planned before. */
  plan(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(delayMs, this.#planned);
  }

  /** Nothing is planned any more. */
  cancel(): void {
    this.#cancelTimer();
  }

  /** Resolves when what runs now has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }
}
