import type { SluiceError } from '@sluice/common/errors/error.ts';
import { isBeside } from '../source/renditions.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { Downloads } from './downloads.ts';
import { Inits } from './inits.ts';
import { filesOfSegment, type PendingSegment } from './pending.ts';
import type { PublisherContext } from './publisher-context.ts';
import { type Origin, SOURCE } from './row.ts';
import type { SegmentQueue } from './segment-queue.ts';

/** What may be needed of the source, by what is listed and what comes. */
export interface FetchingState {
  readonly log: TimelineLog;
  readonly queue: SegmentQueue;
  /** Of the newest listed segment that is no gap, by rung; null where nothing is listed. */
  readonly origins: Readonly<Record<string, Origin>> | null;
  readonly signal: AbortSignal;
}

/** What becomes of fetches. */
export interface FetchingEvents {
  /** A try has ended, with its error or null. */
  ended(error: SluiceError | null): void;
  /** A segment finds no room, and will be written again. */
  noRoom(): void;
}

/** Gets what a channel needs of its source: segments, and the initialization sections that they need. */
export class Fetching {
  readonly #context: PublisherContext;
  readonly #events: FetchingEvents;
  readonly #downloads: Downloads;
  readonly #inits = new Inits();

  constructor(context: PublisherContext, events: FetchingEvents) {
    this.#context = context;
    this.#events = events;
    this.#downloads = new Downloads(context.clock, (error) => events.ended(error));
  }

  /** Starts what may start now; the rest when it is called again after a try has ended. */
  ask({ log, queue, origins, signal }: FetchingState): void {
    const { clock, client, files, view: look } = this.#context;
    const view = look();
    const needed = view.mode !== 'Direct' || view.session !== null;
    const joint = origins !== null && Object.values(origins).some((origin) => origin !== SOURCE);
    const backlog = view.session === null ? [] : queue.recent.slice(-2);
    const wanted = [...backlog, ...(needed ? queue.waiting : joint ? queue.waiting.slice(0, 1) : [])];
    const renditions = 1 + log.rungs.filter(isBeside).length;
    this.#downloads.ask(wanted.flatMap(filesOfSegment), renditions, {
      ...{ clock, client, files, signal },
      uid: view.uid,
      headers: view.headers,
      targetDurationSeconds: log.targetDurationSeconds,
      inits: this.#inits,
      noRoom: () => this.#events.noRoom(),
    });
  }

  /** Names of the stored initialization sections that listed and coming segments need. */
  neededSections(log: TimelineLog, waiting: readonly PendingSegment[]): ReadonlySet<string> {
    return this.#inits.needed(log, waiting);
  }

  /** Tries nothing again by itself. */
  stop(): void {
    this.#downloads.stop();
  }

  /** The channel sleeps: its files will be gone. */
  sleep(): void {
    this.stop();
    this.#inits.clear();
  }

  /** Resolves when no try is under way. */
  idle(): Promise<void> {
    return this.#downloads.idle();
  }
}
