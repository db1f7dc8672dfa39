import type { ViewerClient } from './client.ts';
import type { PlaylistEntry } from './media-playlist.ts';
import type { PlayObserver } from './play.ts';

/** Waits so many milliseconds; rejects when the signal is given. */
export type Pause = (milliseconds: number, signal: AbortSignal) => Promise<unknown>;

/** Pause after a request that failed, in milliseconds, where the answer names none: a player's first retry. */
export const RETRY_MILLISECONDS = 1000;
/** Tries of a segment behind the first one, as of hls.js (fragLoadPolicy); none where the answer is the viewer's fault. */
const SEGMENT_RETRIES = 6;

/** What a loader needs of its viewer. */
export interface LoaderContext {
  readonly playlistUrl: string;
  /** Whether the segments' bytes are only counted. */
  readonly discard: boolean;
  readonly client: ViewerClient;
  readonly observer: PlayObserver;
  readonly signal: AbortSignal;
  readonly pause: Pause;
}

/**
 * Fetches a viewer's segments one after the other beside its polls, as players do: while one cannot be had, the playlist
 * goes on, and what has left it is not tried again.
 */
export class SegmentLoader {
  readonly #context: LoaderContext;
  /** Number of the first segment that is listed still. */
  #firstMsn = 0;
  #loading: Promise<void> = Promise.resolve();

  constructor(context: LoaderContext) {
    this.#context = context;
  }

  /** A playlist begins with this number, and these entries of it are new. */
  take(firstMsn: number, fresh: readonly PlaylistEntry[]): void {
    this.#firstMsn = firstMsn;
    const entries = fresh.filter((entry) => !entry.gap);
    if (entries.length > 0) this.#loading = this.#loading.then(() => this.#load(entries));
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#loading;
  }

  async #load(entries: readonly PlaylistEntry[]): Promise<void> {
    const { observer, playlistUrl, signal } = this.#context;
    for (const entry of entries) {
      try {
        await this.#loadOne(entry);
      } catch (error) {
        if (signal.aborted) return;
        observer.onProblem(`${playlistUrl}: ${String(error)}`, error);
      }
    }
  }

  async #loadOne(entry: PlaylistEntry): Promise<void> {
    const { pause, signal } = this.#context;
    for (let tries = 0; tries <= SEGMENT_RETRIES; tries += 1) {
      if (tries > 0) await pause(RETRY_MILLISECONDS, signal);
      // Something else is listed by now: players go on with that.
      if (tries > 0 && entry.msn < this.#firstMsn) return;
      if (await this.#fetch(entry)) return;
    }
  }

  /** @returns whether another try makes no sense: it is here, or it is refused */
  async #fetch({ uri, msn, durationSeconds }: PlaylistEntry): Promise<boolean> {
    const { playlistUrl, discard, client, observer, signal } = this.#context;
    const url = new URL(uri, playlistUrl).href;
    const atMilliseconds = performance.now();
    try {
      const { status, body, bytes } = await client.get(url, signal, discard);
      const milliseconds = performance.now() - atMilliseconds;
      if (status !== 200) observer.onProblem(`${url} answered ${status}`);
      await observer.onDownload({ msn, url, status, bytes, durationSeconds, atMilliseconds, milliseconds }, body);
      return status < 500;
    } catch (error) {
      signal.throwIfAborted();
      observer.onProblem(`${url}: ${String(error)}`, error);
      return false;
    }
  }
}
