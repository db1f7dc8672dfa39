/** Time between two questions to the owner in ms: a fraction of the shortest target duration. */
const ASK_MS = 500;

/** How a drain asks and how long it may. */
export interface DrainOptions {
  /** Whether the owner needs this pod no more; throws while the owner cannot be reached. */
  ask(): Promise<boolean>;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Longest time in ms from its start. */
  readonly limitMs: number;
}

/** The wait before the end: the agent works on until its last listed segment is stored and something follows it. */
export class Drain {
  readonly #options: DrainOptions;
  #running: Promise<boolean> | null = null;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Starts the drain, or joins the one that runs: true when the owner let go, false when the time was over. */
  start(): Promise<boolean> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<boolean> {
    const { ask, now, sleep, limitMs } = this.#options;
    const deadline = now() + limitMs;
    for (;;) {
      if (await ask().catch(() => false)) return true;
      if (now() >= deadline) return false;
      await sleep(ASK_MS);
    }
  }
}
