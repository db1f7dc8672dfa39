import type { Intake } from '../source/intake.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { firstLog, planSegments } from './intake-plan.ts';
import { withMarkers } from './markers.ts';
import type { PendingSegment } from './pending.ts';
import type { PublisherView } from './publisher-context.ts';
import type { Rhythm } from './rhythm.ts';

/** What a look at the source has brought; times in ms of the channel's clock. */
export interface Look {
  readonly taken: Exclude<Intake, { kind: 'stale' }>;
  readonly playlist: SourcePlaylist;
  readonly at: number;
  /** When it was looked at the time before; null: not since the channel woke. */
  readonly before: number | null;
}

/** What the channel has when the source is looked at. */
export interface Planning {
  readonly view: PublisherView;
  /** Null before the first segment. */
  readonly log: TimelineLog | null;
  /** What is not published yet, oldest first. */
  readonly waiting: readonly PendingSegment[];
  readonly rhythm: Rhythm;
}

/** What comes of it. */
export interface Planned {
  readonly log: TimelineLog;
  readonly added: readonly PendingSegment[];
}

/** Gives segments of the source their numbers and times, from one sleep of the channel to the next. */
export class SegmentPlanner {
  #breaks = false;
  #isWaking: boolean;
  /** True until something is taken by a channel that has nothing listed, or has slept since. */
  #maySkip: boolean;
  #isLast = false;

  constructor(log: TimelineLog | null, isWaking: boolean) {
    this.#isWaking = isWaking;
    this.#maySkip = log === null || log.entries.length === 0;
  }

  /** Nothing has been taken since the channel woke. */
  get isWaking(): boolean {
    return this.#isWaking;
  }

  /** Nothing follows what waits: the source has ended. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** The pending segments that a look adds, and the log that they are for; null where there is nothing to begin one with. */
  plan({ taken, playlist, at, before }: Look, { view, log: known, waiting, rhythm }: Planning): Planned | null {
    if (known === null && taken.segments.length === 0) return null;
    const log = known ?? firstLog(playlist, taken.segments, view.rungs, view.resume);
    if (known === null) this.#breaks = view.resume !== null;
    const tail = waiting.at(-1) ?? null;
    const added = planSegments(known === null ? { kind: 'continue', segments: taken.segments } : taken, {
      ...{ uid: view.uid, log, tail, mode: view.mode, lookedAt: at, previousLookAt: before },
      previousAt: this.#isWaking ? null : (tail?.publishAt ?? rhythm.lastPublishAt),
      waking: this.#isWaking,
      maySkip: this.#maySkip,
      breaks: this.#breaks,
      lagMs: view.lagMs(log.targetDurationSeconds) + rhythm.addedLagMs + 1000 * (playlist.aheadSeconds ?? 0),
      schedule: rhythm.schedule,
    });
    if (added.length > 0) {
      this.#breaks = false;
      this.#maySkip = false;
    }
    if (added.length > 0 || log.entries.length > 0) this.#isWaking = false;
    this.#isLast = playlist.ended;
    return { log, added: withMarkers(added, playlist.dateRanges, log, waiting) };
  }

  /** The channel sleeps: what comes next begins anew. */
  sleep(): void {
    this.#isWaking = true;
    this.#maySkip = true;
    this.#isLast = false;
  }
}
