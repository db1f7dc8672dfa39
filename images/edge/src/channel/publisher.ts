import type { SluiceError } from '@sluice/common/errors/error.ts';
import { asSourceError } from '../source/errors.ts';
import type { Intake } from '../source/intake.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { isBeside } from '../source/renditions.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import { emptied, ended, isComplete, lastEntry, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { Downloads } from './downloads.ts';
import { entryOf, tooLongFor, withEntry } from './entry.ts';
import { Inits } from './inits.ts';
import { firstLog, planSegments } from './intake-plan.ts';
import { withMarkers } from './markers.ts';
import { listingOf, originOf } from './materialise.ts';
import { filesOfSegment, isSettled, type PendingSegment } from './pending.ts';
import type { PublisherContext } from './publisher-context.ts';
import { Retention } from './retention.ts';
import { Rhythm } from './rhythm.ts';
import { chooseRow, NO_PROMOTION, type Origin, type Row } from './row.ts';
import { SegmentQueue } from './segment-queue.ts';
import type { TranscodeSession } from './transcode.ts';
import type { UnderWay } from './under-way.ts';

/** Pause in ms before a row whose files could not be written is tried again. */
const STORAGE_RETRY_MS = 1_000;

/** Turns segments of the source into entries of the timeline, each at its time and never before its bytes are stored. */
export class Publisher {
  readonly #context: PublisherContext;
  readonly #downloads: Downloads;
  readonly #inits = new Inits();
  readonly #retention: Retention;
  readonly #rhythm: Rhythm;
  #log: TimelineLog | null;
  readonly #queue = new SegmentQueue();
  #origins: Readonly<Record<string, Origin>> | null = null;
  #breaks = false;
  #waking: boolean;
  /** True until something is taken by a channel that has nothing listed, or has slept since. */
  #maySkip: boolean;
  #pumping: Promise<void> | null = null;
  /** Something has changed while publications were under way. */
  #again = false;
  /** Files of a sleeping channel are being removed: nothing is written meanwhile, or it would be removed as well. */
  #forgetting: Promise<void> | null = null;
  /** Nothing follows what waits: the source has ended. */
  #isLast = false;
  #abort = new AbortController();
  #cancelTimer = (): void => {};

  /** @param underWay what the owner before had under way; null where nobody was it until now */
  constructor(context: PublisherContext, log: TimelineLog | null, underWay: UnderWay | null = null) {
    this.#context = context;
    this.#log = log;
    this.#rhythm = new Rhythm(log, underWay);
    this.#waking = this.#rhythm.lastPublishAt === null;
    this.#maySkip = log === null || log.entries.length === 0;
    this.#downloads = new Downloads(context.clock, (error) => {
      context.trouble(error);
      this.pump();
    });
    this.#retention = new Retention(context.files, context.clock);
    const newest = log === null ? null : lastEntry(log);
    if (newest !== null) this.#origins = mapValues(newest.names, originOf);
  }

  get log(): TimelineLog | null {
    return this.#log;
  }

  /** Everything that is due has been published since the channel woke. */
  get caughtUp(): boolean {
    const head = this.#queue.waiting[0];
    return !this.#waking && (head === undefined || head.publishAt > this.#context.clock.now());
  }

  /**
   * Segments of the current epoch whose bytes are stored, oldest first: the newest published ones and what waits, up
   * to the first that is still on its way. Lost ones are left out, and encrypted ones, which no transcoder can read.
   */
  stored(): readonly PendingSegment[] {
    return this.#queue.stored();
  }

  /** For the next owner; null where nothing has been published since the channel woke. */
  get underWay(): Omit<UnderWay, 'session'> | null {
    return this.#rhythm.underWay(this.#log, this.#queue.waiting);
  }

  /** Whether the owner before had taken this segment, and it has not come here yet. */
  expects(msn: number): boolean {
    return this.#rhythm.schedule.has(msn) && this.#log !== null && msn >= nextMsn(this.#log);
  }

  /** Takes what a look at the source has brought. */
  take(taken: Exclude<Intake, { kind: 'stale' }>, playlist: SourcePlaylist, lookedAt: number, before: number | null) {
    const view = this.#context.view();
    let intake = taken;
    if (this.#log === null) {
      if (taken.segments.length === 0) return;
      this.#log = firstLog(playlist, taken.segments, view.rungs, view.resume);
      this.#breaks = view.resume !== null;
      intake = { kind: 'continue', segments: taken.segments };
    }
    const added = planSegments(intake, {
      uid: view.uid,
      log: this.#log,
      tail: this.#queue.waiting.at(-1) ?? null,
      previousAt: this.#waking ? null : (this.#queue.waiting.at(-1)?.publishAt ?? this.#rhythm.lastPublishAt),
      waking: this.#waking,
      maySkip: this.#maySkip,
      breaks: this.#breaks,
      mode: view.mode,
      lagMs: view.lagMs(this.#log.targetDurationSeconds) + this.#rhythm.addedLagMs,
      lookedAt,
      previousLookAt: before,
      schedule: this.#rhythm.schedule,
    });
    if (added.length > 0) {
      this.#breaks = false;
      this.#maySkip = false;
    }
    if (added.length > 0 || this.#log.entries.length > 0) this.#waking = false;
    if (added[0]?.start === 'epoch') view.session?.restart();
    this.#isLast = playlist.ended;
    this.#queue.add(withMarkers(added, playlist.dateRanges, this.#log, this.#queue.waiting));
    this.#retention.looked(this.#log, playlist, lookedAt);
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
    this.#askDownloads(this.#log);
    this.#again = true;
    if (this.#pumping !== null) return;
    this.#again = false;
    this.#pumping = this.#publishDue().finally(() => {
      this.#pumping = null;
      if (this.#again) this.pump();
    });
  }

  /** Drops what waits and forgets the rhythm: the channel sleeps. Listed entries stay for `forget`. */
  sleep(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#cancelTimer();
    this.#downloads.stop();
    this.#inits.clear();
    this.#queue.clear();
    this.#waking = true;
    this.#maySkip = true;
    this.#isLast = false;
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
    this.#cancelTimer();
    this.#downloads.stop();
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#downloads.idle();
    await this.#pumping;
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

  #askDownloads(log: TimelineLog): void {
    const view = this.#context.view();
    const needed = view.mode !== 'Direct' || view.session !== null;
    const joint = this.#origins !== null && Object.values(this.#origins).some((origin) => origin !== 'source');
    const backlog = view.session === null ? [] : this.#queue.recent.slice(-2);
    const wanted = [...backlog, ...(needed ? this.#queue.waiting : joint ? this.#queue.waiting.slice(0, 1) : [])];
    const renditions = 1 + log.rungs.filter(isBeside).length;
    this.#downloads.ask(wanted.flatMap(filesOfSegment), renditions, {
      uid: view.uid,
      clock: this.#context.clock,
      client: this.#context.client,
      files: this.#context.files,
      headers: view.headers,
      targetDurationSeconds: log.targetDurationSeconds,
      signal: this.#abort.signal,
      inits: this.#inits,
      noRoom: () => this.noRoom(),
    });
  }

  async #publishDue(): Promise<void> {
    const { signal } = this.#abort;
    try {
      await this.#giveBack(signal);
      while (!signal.aborted && (await this.#publishHead(signal))) this.#context.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.#context.trouble(asSourceError(error));
      this.#plan(STORAGE_RETRY_MS);
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

  #plan(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#context.clock.after(delayMs, () => this.pump());
  }

  /** Publishes the oldest pending segment if it is due and stored; false where nothing can be done now. */
  async #publishHead(signal: AbortSignal): Promise<boolean> {
    const head = this.#queue.waiting[0];
    if (this.#log === null) return false;
    if (head === undefined) return this.#end(this.#log, signal);
    const now = this.#context.clock.now();
    if (head.publishAt > now) {
      this.#plan(head.publishAt - now);
      return false;
    }
    const view = this.#context.view();
    const { session } = view;
    const row = chooseRow({
      mode: view.mode,
      rungs: this.#log.rungs.filter((rung) => !isBeside(rung)),
      sourceStored: isSettled(head),
      discontinuity: head.discontinuity,
      previous: head.start === 'skip' ? null : this.#origins,
      transcoder: session?.rowOf(head.msn) ?? null,
      promotion: session?.promotion ?? NO_PROMOTION,
    });
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
    if (!this.#isLast || log.ended === true || log.entries.length === 0) return false;
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
      this.#context.published(isComplete(log));
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
    const maps = new Set([...this.#inits.needed(log, this.#queue.waiting), ...(session?.sections ?? [])]);
    this.#retention.retire(log, maps, this.#context.clock.now());
  }
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, map: (value: T) => R): Readonly<Record<string, R>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
