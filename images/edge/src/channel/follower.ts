import { rm } from 'node:fs/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { OwnerReport, Route } from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { BEAT_MS, type OwnerMessage } from '../replication/messages.ts';
import type { Attachment, OwnerAddress, OwnerLinks } from '../replication/owner-link.ts';
import { listedSeconds, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { multivariantPlaylist } from '../timeline/multivariant.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { Clock } from './clock.ts';
import { LogCopy, type TimelineCopy } from './copy.ts';
import { Demand } from './demand.ts';
import { Detour } from './detour.ts';
import { Forgetting } from './forgetting.ts';
import { MediaPlaylists } from './media-playlists.ts';
import type { HeardElsewhere } from './negotiation.ts';
import { modeOfEntry } from './report.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { PlaylistAnswer } from './service.ts';
import type { Ownership } from './succession.ts';
import { createWaiters, ownerUnreachable, unreachable, type Waiters } from './waiters.ts';
import { filesOf, WatchedRungs } from './watched-rungs.ts';

/** Pause in ms before an owner whose answer did not fit is asked again. */
const ASK_AGAIN_MS = 250;
/** An owner that has been heard within this is not away, though another edge may not reach it. */
const HEARD_MS = 2 * BEAT_MS;

/** What a followed channel needs of its edge. */
export interface FollowerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly links: OwnerLinks;
  /** Folder of the channel's files. */
  readonly folder: string;
  readonly cache: SegmentCache;
  /** Something that others see has changed. */
  readonly changed: () => void;
  /** Who was the owner names another one. */
  readonly superseded: (ownership: Ownership) => void;
  /** The owner cannot be reached: told again and again while that is so. */
  readonly ownerAway: () => void;
}

/**
 * A channel that another edge owns: its playlists are made here, of a copy of the owner's timeline, and its segments
 * are sent from here, fetched from the owner once. Nothing is copied of a channel that nobody watches on this edge.
 */
export class ChannelFollower {
  readonly #context: FollowerContext;
  readonly #waiters: Waiters;
  readonly #copy: LogCopy;
  readonly #playlists: MediaPlaylists;
  readonly #demand: Demand;
  readonly #detour: Detour;
  /** What is watched is fetched before anybody asks for it. */
  readonly #rungsWatched: WatchedRungs;
  #route: Route;
  #attachment: Attachment | null = null;
  #owner: OwnerAddress | null = null;
  #report: OwnerReport | null = null;
  #ladder: Route['ladder'] | null = null;
  #ready = false;
  /** The owner has answered the subscription. */
  #answered = false;
  /** The copy was known to be the owner's at this time, in ms; null: nothing is known since it was subscribed to. */
  #currentAt: number | null = null;
  #wanted = false;
  #closed = false;
  readonly #forgetting: Forgetting;
  #cancelAgain = (): void => {};

  /** `copy` is what this edge has published as the owner until now; null if it has not. */
  constructor(route: Route, context: FollowerContext, copy: TimelineCopy | null) {
    this.#route = route;
    this.#context = context;
    this.#waiters = createWaiters(context.clock);
    this.#rungsWatched = new WatchedRungs(context.clock.now);
    this.#copy = new LogCopy(copy, route.ownerTerm);
    const timing = { clock: context.clock, targetDurationSeconds: () => this.targetDurationSeconds };
    this.#detour = new Detour(context.clock);
    this.#demand = new Demand({ ...timing, ended: () => this.evaluate() });
    this.#forgetting = new Forgetting({ ...timing, forget: () => this.#forget() });
    this.#playlists = new MediaPlaylists({
      waiters: this.#waiters,
      rungs: () => this.#rungs(),
      asked: (rung) => this.asked(rung),
      listed: () => this.#listed(),
      instead: (error, signal) => (this.#closed || signal.aborted ? null : this.#usable()) ?? this.#refuse(error),
    });
    this.#attach();
    if (copy === null) return;
    // Who has asked here until now does so again in a moment.
    this.#demand.request();
    this.#currentAt = context.clock.now();
    this.#ready = copy.log.entries.length > 0;
    this.evaluate();
  }

  get log(): TimelineLog | null {
    return this.#copy.log;
  }

  /** The owner has been silent for 1.5 s and cannot be dialled. */
  get isOwnerAway(): boolean {
    return this.#attachment?.isAway === true;
  }

  /** The owner is connected and has been heard just now. */
  get hearsOwner(): boolean {
    const attachment = this.#attachment;
    return attachment?.connected === true && this.#context.clock.now() - attachment.heardAt <= HEARD_MS;
  }

  /** Somebody watches the channel on this edge. */
  get isWatched(): boolean {
    return this.#wanted;
  }

  /** Who writes the timeline, as the route says. */
  get owner(): OwnerAddress | null {
    return this.#owner;
  }

  get report(): OwnerReport | null {
    return this.#report;
  }

  get targetDurationSeconds(): number | null {
    return this.#copy.log?.targetDurationSeconds ?? this.#report?.facts?.targetDurationSeconds ?? null;
  }

  /** Null where this edge does not know it. */
  get activeMode(): Route['mode'] | null {
    const newest = this.#usable()?.entries.at(-1);
    return newest !== undefined && this.#ready ? modeOfEntry(newest) : (this.#report?.activeMode ?? null);
  }

  update(route: Route): void {
    this.#route = route;
    this.#copy.raise(route.ownerTerm);
    this.#attach();
    this.evaluate();
  }

  setLocalViewers(viewers: number): void {
    // Thousands come and go: only the first one and the last change anything here.
    if (this.#demand.setViewers(viewers)) this.evaluate();
  }

  /** Waits up to 10 s for the owner's first probe. Throws SOURCE_UNREACHABLE and OWNER_UNREACHABLE. */
  async multivariant(sessionQuery: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    const known = (): Parameters<typeof multivariantPlaylist> | null =>
      this.#report?.facts == null ? null : [this.#report.facts, this.#ladder ?? this.#route.ladder, sessionQuery];
    const input = await this.#waiters.wait(known, signal).catch((error: unknown) => this.#refuse(error));
    return { text: multivariantPlaylist(...input), maxAgeSeconds: 0 };
  }

  /** Follows the channel; waits up to 10 s for what its owner shows. Throws as {@link multivariant}, and RUNG_UNKNOWN. */
  media(rung: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    return this.#playlists.get(rung, signal);
  }

  /** Somebody asks for the media playlist of a rung: channel and rung are wanted for a while. */
  asked(rung: string): void {
    this.#rungsWatched.asked(rung);
    const ran = this.#demand.request();
    if (!this.#wanted || !ran) this.evaluate();
  }

  /** The media playlist that a request would get at once; null where it would wait or be refused. */
  listed(rung: string): PlaylistAnswer | null {
    return this.#closed ? null : this.#playlists.listed(rung);
  }

  /** Resolves when a file of the channel is stored here, as {@link SegmentCache.get}. */
  segment(name: string): Promise<Uint8Array | null> {
    this.#planForget();
    return this.#context.cache.get(name, this.#sources());
  }

  /** Another edge, which does not reach the owner, asks for the copy: there is one as long as it does, and files. */
  showOthers(): void {
    this.#detour.asked();
    this.#demand.request();
    this.evaluate();
  }

  /** Fetches a file from the owner for an edge that does not reach it: none for others, who ask the owner themselves. */
  async fetchForOthers(name: string): Promise<void> {
    if (this.hearsOwner && this.#detour.isUsed) await this.segment(name);
  }

  /** An edge that hears the owner has shown its copy: this one goes on with it, and asks again, until it hears the owner itself. */
  takeFrom({ copy, from }: HeardElsewhere): void {
    const { clock, changed, ownerAway } = this.#context;
    if (this.#closed || !this.isOwnerAway || !this.#wanted) return;
    this.#detour.take(from, () => {
      if (this.isOwnerAway && this.#wanted) ownerAway();
    });
    const shown = this.log === null ? null : nextMsn(this.log);
    if (copy !== null && this.#copy.takeMore(copy)) {
      this.#currentAt = clock.now();
      this.#ready = copy.log.entries.length > 0;
      this.#prefetch(shown);
      this.#waiters.wake();
      changed();
    }
  }

  /** Follows the timeline or lets go of it, as the audience of this edge wants it now. */
  evaluate(): void {
    if (this.#closed) return;
    const wanted = this.#demand.look();
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) {
      this.#forgetting.cancel();
      this.#copy.begin();
    } else {
      this.#answered = false;
      this.#currentAt = null;
      this.#ready = false;
      this.#context.cache.unwatched();
      this.#planForget();
    }
    this.#attachment?.want(wanted);
    this.#context.changed();
  }

  /** The copy, for this edge to go on with it as the owner; null where it is not the newest that is known. */
  handOver(): TimelineCopy | null {
    return this.#usable() === null ? null : this.#copy.copy;
  }

  /** Ends it; `error` is what waiting requests get. With `dropFiles` nothing of the channel stays on the volume. */
  async close(error: SluiceError, dropFiles: boolean): Promise<void> {
    this.#closed = true;
    this.#demand.close();
    this.#forgetting.cancel();
    this.#cancelAgain();
    this.#detour.end();
    this.#away();
    this.#attachment?.detach();
    this.#waiters.fail(error);
    await this.#context.cache.close(dropFiles);
    if (dropFiles) await rm(this.#context.folder, { recursive: true, force: true });
  }

  #attach(): void {
    const owner = this.#route.owners[0] ?? null;
    if (owner?.podUid === this.#owner?.podUid && owner?.address === this.#owner?.address) return;
    this.#away();
    this.#attachment?.detach();
    this.#owner = owner;
    this.#detour.end();
    if (owner === null) return;
    this.#attachment = this.#context.links.attach(owner, {
      uid: this.#route.uid,
      request: () => {
        this.#copy.begin();
        return { term: this.#copy.term, have: this.#copy.position };
      },
      updated: (message) => this.#updated(message),
      reported: (message) => this.#reported(message),
      gone: ({ owners, term }) => {
        this.#away();
        if (owners !== undefined && term !== undefined) this.#context.superseded({ owners, term });
      },
      lost: () => this.#away(),
      away: () => this.#context.ownerAway(),
    });
    this.#attachment.want(this.#wanted);
  }

  /** The owner says nothing of this channel any more: what is known gets old from now on. */
  #away(): void {
    if (this.#answered) this.#currentAt = this.#attachment?.heardAt ?? this.#currentAt;
    this.#answered = false;
  }

  #updated({ term, ready, log }: Extract<OwnerMessage, { type: 'update' }>): void {
    if (!this.#copy.raise(term)) {
      this.#askAgain();
      return;
    }
    if (log !== null) {
      const shown = this.#answered && this.log !== null ? nextMsn(this.log) : null;
      const news = this.#copy.take(log, log.known);
      if (news.kind === 'again') {
        this.#askAgain();
        return;
      }
      if (news.kind === 'replaced') {
        const { logger } = this.#context;
        logger.warn({ channel: keyOf(this.#route) }, `the owner has another timeline than before: ${news.why}`);
      }
      this.#prefetch(shown);
    }
    this.#answered = true;
    this.#detour.end();
    this.#currentAt = this.#context.clock.now();
    this.#ready = ready;
    this.#waiters.wake();
    this.#context.changed();
  }

  #reported({ report, ladder }: Extract<OwnerMessage, { type: 'report' }>): void {
    this.#report = report;
    this.#ladder = ladder;
    this.#waiters.wake();
    const { state, reason } = report.health;
    // Only the reason: messages name hosts and paths that the Channel may want to hide.
    if (state === 'down') this.#waiters.fail(unreachable(`The channel's source cannot be read now (${reason})`));
    this.#context.changed();
  }

  #askAgain(): void {
    this.#cancelAgain();
    this.#cancelAgain = this.#context.clock.after(ASK_AGAIN_MS, () => this.#attachment?.again());
  }

  /** The copy, as long as viewers have something of it left to play. */
  #usable(): TimelineLog | null {
    const log = this.#copy.log;
    if (log === null || log.entries.length === 0 || this.#currentAt === null) return null;
    if (this.#answered) return log;
    return this.#context.clock.now() - this.#currentAt < listedSeconds(log) * 1000 ? log : null;
  }

  #listed(): TimelineLog | null {
    return this.#ready ? this.#usable() : null;
  }

  /** Fetches what is listed newly, from `firstMsn` on, of the rungs that somebody watches here; null: the newest alone. */
  #prefetch(firstMsn: number | null): void {
    const { log } = this;
    if (log === null) return;
    const { cache } = this.#context;
    const rungs = this.#rungsWatched.names(log.targetDurationSeconds);
    cache.listed(log, rungs);
    cache.prefetch(filesOf(log, rungs, firstMsn), this.#sources());
  }

  /** Who can be asked for files: an owner that is away would keep each fetch waiting until its time is out. */
  #sources(): readonly OwnerAddress[] {
    const from = this.isOwnerAway ? this.#detour.via : this.#owner;
    return from === null ? [] : [from];
  }

  #rungs(): readonly string[] {
    return this.#usable()?.rungs ?? ['source', ...(this.#ladder ?? this.#route.ladder).map(({ name }) => name)];
  }

  /** A wait that came to nothing: for want of an owner, or for the owner's own reason. */
  #refuse(error: unknown): never {
    const isAway = !this.#closed && this.#attachment?.connected !== true;
    if (isAway && error instanceof SluiceError && error.code === 'SOURCE_UNREACHABLE') {
      throw ownerUnreachable(keyOf(this.#route));
    }
    throw error;
  }

  /** Entries and files of a channel that nobody watches here go when no playlist of them can be in use any more. */
  #planForget(): void {
    if (!this.#wanted && !this.#closed) this.#forgetting.plan();
  }

  #forget(): void {
    this.#copy.clear();
    this.#rungsWatched.clear();
    this.#context.cache.clear().catch((error: unknown) => {
      this.#context.logger.warn({ err: error, channel: keyOf(this.#route) }, 'files that nobody watches here stay');
    });
  }
}
