import { type SetTimer, setMachineTimer } from './timer.ts';

/**
 * Runs an action at once when it is first asked for, and at most once per interval after that: the first viewer's join
 * is reported without delay, a flood of them in bundles.
 */
export class Coalescer {
  readonly #intervalMs: number;
  readonly #action: () => void;
  readonly #setTimer: SetTimer;
  #callOff: (() => void) | null = null;
  #again = false;

  constructor(intervalMs: number, action: () => void, setTimer: SetTimer = setMachineTimer) {
    this.#intervalMs = intervalMs;
    this.#action = action;
    this.#setTimer = setTimer;
  }

  /** Runs the action now or, less than an interval after the last run, when the interval is over. The action may ask again. */
  request(): void {
    if (this.#callOff !== null) {
      this.#again = true;
      return;
    }
    this.#arm();
    this.#action();
  }

  /** Forgets what is waiting; may be used again. */
  close(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#again = false;
  }

  #arm(): void {
    this.#callOff = this.#setTimer(() => {
      this.#callOff = null;
      if (!this.#again) return;
      this.#again = false;
      this.#arm();
      this.#action();
    }, this.#intervalMs);
  }
}
