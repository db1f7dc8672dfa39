import type { SluiceError } from '@sluice/common/errors/error.ts';
import { asSourceError } from '../source/errors.ts';
import type { Clock } from './clock.ts';
import { type DownloadContext, downloadSegment } from './download.ts';
import { afterFailure, type Fetchable } from './pending.ts';

/** Downloads of one rendition at a time: enough to fill a first window fast, few enough to be polite to a source. */
const MAX_DOWNLOADS = 3;

/** Gets a channel's segments, each once, at most three of each rendition at a time, the oldest first. */
export class Downloads {
  readonly #clock: Clock;
  readonly #done: (error: SluiceError | null) => void;
  readonly #running = new Set<Promise<void>>();
  #cancelRetry = (): void => {};

  /** `done` is called after each try, with its error or null. */
  constructor(clock: Clock, done: (error: SluiceError | null) => void) {
    this.#clock = clock;
    this.#done = done;
  }

  /**
   * Starts what may start of `wanted`, files of so many renditions; the rest starts when `ask` is called again after a try
   * has ended.
   */
  ask(wanted: readonly Fetchable[], renditions: number, context: DownloadContext): void {
    this.#cancelRetry();
    const now = this.#clock.now();
    let retryAt = Number.POSITIVE_INFINITY;
    for (const segment of wanted) {
      const { download } = segment;
      if (download.state !== 'none') continue;
      if (download.retryAt > now) retryAt = Math.min(retryAt, download.retryAt);
      else if (this.#running.size < MAX_DOWNLOADS * renditions) this.#start(segment, download.failures, context);
    }
    if (retryAt < Number.POSITIVE_INFINITY) {
      this.#cancelRetry = this.#clock.after(retryAt - now, () => this.ask(wanted, renditions, context));
    }
  }

  /** Resolves when no try is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #start(segment: Fetchable, failures: number, context: DownloadContext): void {
    segment.download = { state: 'running', failures };
    const running = this.#try(segment, failures, context).then((failure) => {
      this.#running.delete(running);
      if (!context.signal.aborted) this.#done(failure);
    });
    this.#running.add(running);
  }

  /** One try; resolves with its error or null. */
  async #try(segment: Fetchable, failures: number, context: DownloadContext): Promise<SluiceError | null> {
    try {
      segment.download = { state: 'stored', ...(await downloadSegment(segment, context)) };
      return null;
    } catch (error) {
      const failure = asSourceError(error);
      segment.download = afterFailure(failures, failure.code, this.#clock.now());
      return failure;
    }
  }

  /** Forgets the retry that is planned. */
  stop(): void {
    this.#cancelRetry();
  }
}
