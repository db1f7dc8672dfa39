import { nextMsn, type TimelineLog } from '../timeline/log.ts';
import { addedLagMs } from './pace.ts';
import type { PendingSegment } from './pending.ts';
import type { UnderWay } from './under-way.ts';

/** The times at which one channel publishes, from the owner before to the next one. In ms of the channel's clock. */
export class Rhythm {
  #lastPublishAt: number | null;
  #addedLagMs: number;
  /** See {@link UnderWay.schedule}. */
  #schedule: UnderWay['schedule'];
  /** Newest row that has changed the added lag: each does once. */
  #adaptedMsn = -1;

  /** @param underWay what the owner before had under way; null where nobody was it until now */
  constructor(log: TimelineLog | null, underWay: Pick<UnderWay, 'schedule' | 'addedLagMs'> | null) {
    this.#schedule = underWay?.schedule ?? new Map();
    this.#addedLagMs = underWay?.addedLagMs ?? 0;
    this.#lastPublishAt = (log !== null && this.#schedule.get(nextMsn(log) - 1)) || null;
  }

  /** When the newest segment was published; null: none since the channel woke. */
  get lastPublishAt(): number | null {
    return this.#lastPublishAt;
  }

  /** What a transcoder needs beyond the constant lag. */
  get addedLagMs(): number {
    return this.#addedLagMs;
  }

  /** When the owner before would have published what it had taken already, by number. */
  get schedule(): UnderWay['schedule'] {
    return this.#schedule;
  }

  /** A segment is published. */
  published({ publishAt }: PendingSegment): void {
    this.#lastPublishAt = publishAt;
  }

  /** A rung's segment has come at `now`, in time or not: the lag adapts to what the transcoder needs. */
  arrived({ msn, publishAt }: PendingSegment, now: number, targetDurationSeconds: number): void {
    if (msn <= this.#adaptedMsn) return;
    const added = addedLagMs(this.#addedLagMs, publishAt - now, targetDurationSeconds);
    if (added === this.#addedLagMs) return;
    this.#addedLagMs = added;
    this.#adaptedMsn = msn;
  }

  /** The channel sleeps: what comes next has a rhythm of its own. */
  sleep(): void {
    this.#schedule = new Map();
    this.#addedLagMs = 0;
    this.#lastPublishAt = null;
  }

  /** For the next owner; null where nothing has been published since the channel woke. */
  underWay(log: TimelineLog | null, waiting: readonly PendingSegment[]): Omit<UnderWay, 'session'> | null {
    if (log === null || this.#lastPublishAt === null) return null;
    const due = waiting.map(({ msn, publishAt }): [number, number] => [msn, publishAt]);
    return { schedule: new Map([[nextMsn(log) - 1, this.#lastPublishAt], ...due]), addedLagMs: this.#addedLagMs };
  }
}
