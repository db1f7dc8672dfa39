import type { Clock } from '../../runtime/queue/clock.ts';
import type { Probe } from './pod.ts';
import { countAnswer, NO_ANSWER, type ProbeCount } from './probe-count.ts';

/** Asks a probe's question at its period until it is stopped. */
export class ProbeLoop {
  readonly #probe: Probe;
  readonly #ask: () => Promise<boolean>;
  readonly #clock: Clock;
  readonly #onResult: (good: boolean) => void;
  #count: ProbeCount = NO_ANSWER;
  #cancel: (() => void) | null = null;
  #stopped = false;

  /** Begins. @param onResult called when the result has changed, and at each answer that keeps it bad */
  constructor(probe: Probe, ask: () => Promise<boolean>, clock: Clock, onResult: (good: boolean) => void) {
    this.#probe = probe;
    this.#ask = ask;
    this.#clock = clock;
    this.#onResult = onResult;
    this.#wait(probe.initialDelaySeconds);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #wait(seconds: number): void {
    this.#cancel = this.#clock.setTimer(() => void this.#turn(), seconds * 1000);
  }

  async #turn(): Promise<void> {
    const good = await this.#ask();
    if (this.#stopped) return;
    const before = this.#count.result;
    this.#count = countAnswer(this.#count, good, this.#probe);
    this.#wait(this.#probe.periodSeconds);
    const { result } = this.#count;
    if (result !== null && (result !== before || !result)) this.#onResult(result);
  }
}
