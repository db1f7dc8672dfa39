import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { type SetTimer, setMachineTimer } from '@sluice/common/link/timer.ts';
import { type Counters, type Load, LoadMeter, UNKNOWN_LOAD } from './meter.ts';

/** How often the counters are read, and what they make is told. */
const INTERVAL_MS = 5_000;

/** Where reports go. */
export interface LoadPeer {
  /** Whether it is too slow for what it gets already. */
  readonly busy: boolean;
  send(message: EdgeMessage): void;
}

/** What a reporter works with. */
export interface LoadReporterOptions {
  /** Must not throw. */
  readonly read: () => Promise<Counters>;
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
  readonly setTimer?: SetTimer;
}

/** Tells the operator every few seconds what this edge carries. */
export class LoadReporter {
  readonly #options: LoadReporterOptions;
  readonly #setTimer: SetTimer;
  readonly #meter = new LoadMeter();
  #peer: LoadPeer | null = null;
  #stopTimer: (() => void) | null = null;
  #isRunning = false;

  constructor(options: LoadReporterOptions) {
    this.#options = options;
    this.#setTimer = options.setTimer ?? setMachineTimer;
  }

  /** What was measured last. */
  get load(): Load {
    return this.#isRunning ? this.#meter.load : UNKNOWN_LOAD;
  }

  /** Begins to measure, once. */
  start(): void {
    this.#isRunning = true;
    void this.#look();
  }

  /** An operator has proved itself: it hears at once what is known, whatever that is. */
  connect(peer: LoadPeer): void {
    this.#peer = peer;
    this.#tell();
  }

  /** The connection is gone. */
  disconnect(): void {
    this.#peer = null;
  }

  /** Measures nothing any more. */
  close(): void {
    this.#isRunning = false;
    this.#stopTimer?.();
  }

  async #look(): Promise<void> {
    const { read, now } = this.#options;
    const counters = await read();
    if (!this.#isRunning) return;
    this.#meter.take(now(), counters);
    this.#tell();
    this.#stopTimer = this.#setTimer(() => void this.#look(), INTERVAL_MS);
  }

  #tell(): void {
    const peer = this.#peer;
    if (peer !== null && !peer.busy) peer.send({ type: 'load', ...this.load });
  }
}
