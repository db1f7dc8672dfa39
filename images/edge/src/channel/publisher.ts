import type { SluiceError } from '@sluice/common/errors/error.ts';
import { asSourceError } from '../source/errors.ts';
import type { Intake } from '../source/intake.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import { emptied, ended, isComplete, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { entryOf, tooLongFor, withEntry } from './entry.ts';
import { Fetching } from './fetching.ts';
import { listingOf, originsOf } from './materialise.ts';
import { nextRow } from './next-row.ts';
import { encryptionIn, type PendingSegment } from './pending.ts';
import type { PublisherContext } from './publisher-context.ts';
import { Pump } from './pump.ts';
import { Retention } from './retention.ts';
import { Rhythm } from './rhythm.ts';
import type { Origin, Row } from './row.ts';
import { SegmentPlanner } from './segment-planner.ts';
import { SegmentQueue } from './segment-queue.ts';
import type { TranscodeSession } from './transcode.ts';
import type { UnderWay } from './under-way.ts';

/** Pause in ms before a row whose files could not be written is tried again. */
const STORAGE_RETRY_MS = 1_000;

/** Turns segments of the source into entries of the timeline, each at its time and never before its bytes are stored. */
export class Publisher {
  readonly #context: PublisherContext;
  readonly #fetching: Fetching;
  readonly #planner: SegmentPlanner;
  readonly #retention: Retention;
  readonly #rhythm: Rhythm;
  #log: TimelineLog | null;
  readonly #queue = new SegmentQueue();
  /** Of the newest listed segment that is no gap, by rung; null where nothing is listed. */
  #origins: Readonly<Record<string, Origin>> | null;
  readonly #publications: Pump;
  /** Files of a sleeping channel are being removed: nothing is written meanwhile, or it would be removed as well. */
  #forgetting: Promise<void> | null = null;
  #abort = new AbortController();

  /** @param underWay what the owner before had under way; null where nobody was it until now */
  constructor(context: PublisherContext, log: TimelineLog | null, underWay: UnderWay | null = null) {
    this.#context = context;
    this.#log = log;
    this.#rhythm = new Rhythm(log, underWay);
    this.#planner = new SegmentPlanner(log, this.#rhythm.lastPublishAt === null);
    this.#fetching = new Fetching(context, {
      ended: (error) => {
        context.trouble(error);
        this.pump();
      },
      noRoom: () => this.noRoom(),
    });
    this.#retention = new Retention(context.files, context.clock);
    this.#origins = log === null ? null : originsOf(log);
    this.#publications = new Pump(
      context.clock,
      () => this.#publishDue(),
      () => this.pump(),
    );
  }

  get log(): TimelineLog | null {
    return this.#log;
  }

  /** Everything that is due has been published since the channel woke. */
  get caughtUp(): boolean {
    const head = this.#queue.waiting[0];
    return !this.#planner.isWaking && (head === undefined || head.publishAt > this.#context.clock.now());
  }

  /**
   * Segments of the current epoch whose bytes are stored, oldest first: the newest published ones and what waits, up
   * to the first that is still on its way. Lost ones are left out, and encrypted ones, which no transcoder can read.
   */
  stored(): readonly PendingSegment[] {
    return this.#queue.stored();
  }

  /** Whether nothing will follow what {@link stored} tells: the source has ended, and all of it has come. */
  get hasWhole(): boolean {
    return this.#planner.isLast && this.#queue.isSettled;
  }

  /** For the next owner; null where nothing has been published since the channel woke. */
  get underWay(): Omit<UnderWay, 'session'> | null {
    return this.#rhythm.underWay(this.#log, this.#queue.waiting);
  }

  /**
   * When the source was looked at, as far as it shows in what was published since, ms of the clock: a new owner looks in the
   * rhythm of the one before. Null where nothing has been published since the channel woke.
   */
  get lookedAt(): number | null {
    const { lastPublishAt, addedLagMs } = this.#rhythm;
    if (lastPublishAt === null || this.#log === null) return null;
    return lastPublishAt - this.#context.view().lagMs(this.#log.targetDurationSeconds) - addedLagMs;
  }

  /** Whether the owner before had taken this segment, and it has not come here yet. */
  expects(msn: number): boolean {
    return this.#rhythm.schedule.has(msn) && this.#log !== null && msn >= nextMsn(this.#log);
  }

  /** Takes what a look at the source has brought. */
  take(taken: Exclude<Intake, { kind: 'stale' }>, playlist: SourcePlaylist, lookedAt: number, before: number | null) {
    const view = this.#context.view();
    const planned = this.#planner.plan(
      { taken, playlist, at: lookedAt, before },
      { view, log: this.#log, waiting: this.#queue.waiting, rhythm: this.#rhythm },
    );
    if (planned === null) return;
    const { log, added } = planned;
    this.#log = log;
    if (added[0]?.start === 'epoch') view.session?.restart();
    this.#queue.add(added);
    this.#retention.looked(log, playlist, lookedAt);
    this.pump();
  }

  /** A segment of a rung has come, in time or not: the lag adapts to what the transcoder needs. */
  arrived(msn: number): void {
    const segment = this.#queue.find(msn);
    if (segment === undefined || this.#log === null) return;
    this.#rhythm.arrived(segment, this.#context.clock.now(), this.#log.targetDurationSeconds);
  }

  /** Does whatever can be done now: downloads, publications, deletions. Cheap to call after any change. */
  pump(): void {
    if (this.#abort.signal.aborted || this.#log === null || this.#forgetting !== null) return;
    const { signal } = this.#abort;
    this.#fetching.ask({ log: this.#log, queue: this.#queue, origins: this.#origins, signal });
    this.#publications.run();
  }

  /** Drops what waits and forgets the rhythm: the channel sleeps. Listed entries stay for `forget`. */
  sleep(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#publications.cancel();
    this.#fetching.sleep();
    this.#queue.clear();
    this.#planner.sleep();
    this.#rhythm.sleep();
  }

  /** Removes all entries and files of a sleeping channel; its numbers go on from here. */
  async forget(): Promise<void> {
    if (this.#forgetting !== null || this.#abort.signal.aborted) return;
    this.#forgetting = this.#dropAll().finally(() => {
      this.#forgetting = null;
      this.pump();
    });
    await this.#forgetting;
  }

  /** Replaces a log that lists nothing, e.g. with another ladder. */
  replaceLog(log: TimelineLog): void {
    this.#log = log;
  }

  /** A file of this channel finds no room: it gives back the oldest that it lists, see {@link givenBack}. */
  noRoom(): void {
    this.#retention.noRoom();
    this.pump();
  }

  /** What is listed up to this number cannot be stored here: it leaves the playlist as soon as it may (RFC 8216bis 6.2.2). */
  giveUp(msn: number): void {
    this.#retention.giveUp(msn);
    this.pump();
  }

  /** Ends for good: no timer, download or write goes on. */
  close(): void {
    this.#abort.abort();
    this.#publications.cancel();
    this.#fetching.stop();
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#fetching.idle();
    await this.#publications.idle();
    await this.#forgetting?.catch(() => undefined);
  }

  async #dropAll(): Promise<void> {
    if (this.#log !== null) {
      this.#log = emptied(this.#log);
      this.#origins = null;
      await this.#context.save(this.#log);
    }
    await this.#context.files.clear();
    this.#retention.clear();
  }

  async #publishDue(): Promise<void> {
    const { signal } = this.#abort;
    try {
      await this.#giveBack(signal);
      while (!signal.aborted && (await this.#publishHead(signal))) this.#context.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.#context.trouble(asSourceError(error));
      this.#publications.plan(STORAGE_RETRY_MS);
      // On a full volume nothing is published, but what is due to go makes room.
      this.#retire();
      const now = this.#context.clock.now();
      const head = this.#queue.waiting[0];
      const isFull = asSourceError(error).code === STORAGE_FULL;
      if (isFull) this.#retention.noRoom();
      // Players skip what finds no room twice: a channel that stood still would never give back all that it lists.
      if (isFull && head !== undefined && now - head.publishAt >= STORAGE_RETRY_MS) head.download = { state: 'lost' };
      await this.#retention.sweep(now).catch(() => undefined);
    }
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    if (this.#log === null) return;
    const log = this.#retention.spared(this.#log, this.#context.clock.now());
    if (log === this.#log) return;
    await this.#context.save(log);
    if (signal.aborted) return;
    this.#log = log;
    this.#retire();
    this.#context.changed();
  }

  /** Publishes the oldest pending segment if it is due and stored; false where nothing can be done now. */
  async #publishHead(signal: AbortSignal): Promise<boolean> {
    const head = this.#queue.waiting[0];
    if (this.#log === null) return false;
    if (head === undefined) return this.#end(this.#log, signal);
    const now = this.#context.clock.now();
    if (head.publishAt > now) {
      this.#publications.plan(head.publishAt - now);
      return false;
    }
    const view = this.#context.view();
    const { session } = view;
    const row = nextRow(head, view, this.#log, this.#origins);
    if (row.wait) return false;
    // Taken now, as the row was: a newer attempt has nothing stored yet.
    const sections = session?.sectionsOf(head.msn) ?? new Map();
    const listing = await listingOf(view.uid, row, head, this.#context.files, sections);
    const entry = entryOf(head, listing);
    const tooLong = tooLongFor(entry);
    if (tooLong !== null) return this.#giveUpHead(head, tooLong);
    const log = this.#retention.trimmed(withEntry(this.#log, head, entry), now);
    await this.#context.save(log);
    if (signal.aborted) return false;
    this.#commit(log, head, row, session);
    await this.#retention.sweep(now);
    return true;
  }

  /** Lists a gap instead, which needs neither keys nor other renditions. */
  #giveUpHead(head: PendingSegment, error: SluiceError): true {
    this.#context.trouble(error);
    head.download = { state: 'lost' };
    return true;
  }

  /** Ends the playlists behind the last segment; false where they do not end now, or have ended already. */
  async #end(log: TimelineLog, signal: AbortSignal): Promise<boolean> {
    if (!this.#planner.isLast || log.ended === true || log.entries.length === 0) return false;
    const whole = ended(log);
    await this.#context.save(whole);
    if (signal.aborted) return false;
    this.#log = whole;
    return true;
  }

  #commit(log: TimelineLog, head: PendingSegment, row: Row, session: TranscodeSession | null): void {
    this.#log = log;
    this.#queue.published();
    // A gap has no bytes: what comes next still joins to the segment before it.
    if (head.download.state !== 'lost') {
      this.#origins = row.origins;
      this.#context.published(isComplete(log), encryptionIn(head));
    }
    this.#rhythm.published(head);
    if (session !== null) {
      session.promotion = row.promotion;
      session.forget(head.msn);
    }
    this.#retire();
  }

  /** Says what is no longer needed: it goes one window from now. */
  #retire(): void {
    const log = this.#log;
    if (log === null) return;
    const { session } = this.#context.view();
    const maps = new Set([...this.#fetching.neededSections(log, this.#queue.waiting), ...(session?.sections ?? [])]);
    this.#retention.retire(log, maps, this.#context.clock.now());
  }
}
