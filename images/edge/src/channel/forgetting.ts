import { WINDOW_SEGMENTS } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import { ASSUMED_TARGET_DURATION_SECONDS } from './lease.ts';

/** What is forgotten, and by which clock. */
export interface ForgettingContext {
  readonly clock: Clock;
  /** Null as long as it is not known. */
  readonly targetDurationSeconds: () => number | null;
  readonly forget: () => void;
}

/** Forgets what was listed of a channel that nobody wants: one window later no playlist of it can be in use any more. */
export class Forgetting {
  readonly #context: ForgettingContext;
  #cancel = (): void => {};

  constructor(context: ForgettingContext) {
    this.#context = context;
  }

  /** One window from now on. */
  plan(): void {
    const { clock, targetDurationSeconds, forget } = this.#context;
    this.#cancel();
    const seconds = WINDOW_SEGMENTS * (targetDurationSeconds() ?? ASSUMED_TARGET_DURATION_SECONDS);
    this.#cancel = clock.after(seconds * 1000, forget);
  }

  /** Somebody wants it again, or it is gone. */
  cancel(): void {
    this.#cancel();
  }
}
