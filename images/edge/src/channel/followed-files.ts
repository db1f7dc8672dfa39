import type { OwnerAddress } from '../replication/owner-link.ts';
import type { TimelineLog } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import { requestLeaseMs } from './lease.ts';
import type { SegmentCache } from './segment-cache.ts';
import { filesOf, WatchedRungs } from './watched-rungs.ts';

/** What the files of a followed channel depend on. */
export interface FollowedFilesContext {
  readonly clock: Clock;
  readonly cache: SegmentCache;
  /** Who can be asked for files now: an owner that is away would keep each fetch waiting until its time is out. */
  readonly sources: () => readonly OwnerAddress[];
}

/** The files of a followed channel: of the rungs that somebody watches here fetched as soon as they are listed, others when asked for. */
export class FollowedFiles {
  readonly #context: FollowedFilesContext;
  readonly #rungsWatched: WatchedRungs;
  /** Until when, in ms, whoever has watched here while this edge owned the channel may not have asked again. */
  #takenUntil = Number.NEGATIVE_INFINITY;

  constructor(context: FollowedFilesContext) {
    this.#context = context;
    this.#rungsWatched = new WatchedRungs(context.clock.now);
  }

  /** Somebody asks for the media playlist of a rung. */
  asked(rung: string): void {
    this.#rungsWatched.asked(rung);
  }

  /** Resolves when a file of the channel is stored here, as {@link SegmentCache.get}. */
  get(name: string): Promise<Uint8Array | null> {
    return this.#context.cache.get(name, this.#context.sources());
  }

  /**
   * What this edge has written itself is a copy from now on: who has watched it here until now, in whatever rung, asks again in
   * a moment.
   */
  taken(log: TimelineLog): void {
    const { clock, cache } = this.#context;
    this.#takenUntil = clock.now() + requestLeaseMs(log.targetDurationSeconds);
    cache.listed(log, log.rungs);
  }

  /** A log is shown from now on: fetches what it lists from `firstMsn` on; null: the newest alone. */
  listed(log: TimelineLog, firstMsn: number | null): void {
    const { clock, cache, sources } = this.#context;
    const rungs = this.#rungsWatched.names(log.targetDurationSeconds);
    cache.listed(log, clock.now() < this.#takenUntil ? log.rungs : rungs);
    cache.prefetch(filesOf(log, rungs, firstMsn), sources());
  }

  /** Nobody watches the channel here. */
  unwatched(): void {
    this.#takenUntil = Number.NEGATIVE_INFINITY;
    this.#context.cache.unwatched();
  }

  /** Removes all files. Throws the file system's errors. */
  forget(): Promise<void> {
    this.#rungsWatched.clear();
    return this.#context.cache.clear();
  }
}
