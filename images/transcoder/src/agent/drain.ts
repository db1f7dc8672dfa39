import { SluiceError } from '@sluice/common/errors/error.ts';

/** Time between two questions to the owner in ms: a fraction of the shortest target duration. */
const ASK_MS = 500;

/**
 * How long in ms the edges may refuse a draining pod until it ends. A Channel that was deleted takes its session along,
 * and nobody will ever let this pod go; an edge that has just restarted has its routes back long before.
 */
const REFUSED_MS = 3000;

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

  /** Starts the drain, or joins the one that runs: true when nobody needs the pod any more, false when the time was over. */
  start(): Promise<boolean> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<boolean> {
    const { now, sleep, limitMs } = this.#options;
    const deadline = now() + limitMs;
    let refusedSince: number | null = null;
    for (;;) {
      const answer = await this.#ask();
      if (answer === 'done') return true;
      refusedSince = answer === 'refused' ? (refusedSince ?? now()) : null;
      if (refusedSince !== null && now() - refusedSince >= REFUSED_MS) return true;
      if (now() >= deadline) return false;
      await sleep(ASK_MS);
    }
  }

  async #ask(): Promise<'done' | 'wait' | 'refused'> {
    try {
      return (await this.#options.ask()) ? 'done' : 'wait';
    } catch (error) {
      return error instanceof SluiceError && error.status === 401 ? 'refused' : 'wait';
    }
  }
}
