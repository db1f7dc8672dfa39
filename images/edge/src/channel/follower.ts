import { rm } from 'node:fs/promises';
import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { OwnerMessage } from '../replication/messages.ts';
import type { LinkedChannel, OwnerAddress } from '../replication/owner-link.ts';
import { nextMsn, type TimelineLog } from '../timeline/log.ts';
import { multivariantPlaylist } from '../timeline/multivariant.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { TimelineCopy } from './copy.ts';
import { Demand } from './demand.ts';
import { Detour } from './detour.ts';
import { FollowedFiles } from './followed-files.ts';
import { FollowedTimeline } from './followed-timeline.ts';
import type { FollowerContext } from './follower-context.ts';
import { Forgetting } from './forgetting.ts';
import { MediaPlaylists } from './media-playlists.ts';
import type { HeardElsewhere } from './negotiation.ts';
import { OwnerLine } from './owner-line.ts';
import { OwnerWord } from './owner-word.ts';
import { ShownMode } from './report.ts';
import type { PlaylistAnswer } from './service.ts';
import { createWaiters, unreachable, type Waiters, withoutOwner } from './waiters.ts';

/**
 * A channel that another edge owns: its playlists are made here, of a copy of the owner's timeline, and its segments
 * are sent from here, fetched from the owner once. Nothing is copied of a channel that nobody watches on this edge.
 */
export class ChannelFollower {
  readonly #context: FollowerContext;
  readonly #waiters: Waiters;
  readonly #timeline: FollowedTimeline;
  readonly #playlists: MediaPlaylists;
  readonly #demand: Demand;
  readonly #line: OwnerLine;
  readonly #detour: Detour;
  readonly #files: FollowedFiles;
  #route: Route;
  readonly #word = new OwnerWord();
  #wanted = false;
  #closed = false;
  readonly #forgetting: Forgetting;
  readonly #shownMode = new ShownMode();

  /** `copy` is what this edge has published as the owner until now; null if it has not. */
  constructor(route: Route, context: FollowerContext, copy: TimelineCopy | null) {
    this.#route = route;
    this.#context = context;
    this.#waiters = createWaiters(context.clock);
    this.#files = new FollowedFiles({ clock: context.clock, cache: context.cache, sources: () => this.#sources() });
    this.#timeline = new FollowedTimeline(copy, route.ownerTerm, context.clock.now);
    const timing = { clock: context.clock, targetDurationSeconds: () => this.targetDurationSeconds };
    this.#detour = new Detour(context.clock);
    this.#demand = new Demand({ ...timing, ended: () => this.evaluate() });
    this.#forgetting = new Forgetting({ ...timing, forget: () => this.#forget() });
    this.#playlists = new MediaPlaylists({
      waiters: this.#waiters,
      rungs: () => this.#timeline.usable?.rungs ?? this.#word.rungs(this.#route),
      asked: (rung) => this.asked(rung),
      listed: () => this.#timeline.listed,
      instead: (error, signal) =>
        (this.#closed || signal.aborted ? null : this.#timeline.usable) ?? this.#refuse(error),
    });
    this.#line = new OwnerLine(context.links, context.clock, this.#linked());
    this.#attach();
    if (copy === null) return;
    // Who has asked here until now does so again in a moment.
    this.#demand.request();
    this.#files.taken(copy.log);
    this.evaluate();
  }

  get log(): TimelineLog | null {
    return this.#timeline.log;
  }

  /** The owner has been silent for too long. */
  get isOwnerAway(): boolean {
    return this.#line.isAway;
  }

  /** The owner is connected and has been heard just now. */
  get hearsOwner(): boolean {
    return this.#line.isHeard;
  }

  /** The owner is away, and the channel goes on by way of an edge that hears it. */
  get goesByAnother(): boolean {
    return this.#detour.via !== null;
  }

  /** Somebody watches the channel on this edge. */
  get isWatched(): boolean {
    return this.#wanted;
  }

  /** Who writes the timeline, as the route says. */
  get owner(): OwnerAddress | null {
    return this.#line.owner;
  }

  get report(): OwnerReport | null {
    return this.#word.report;
  }

  get targetDurationSeconds(): number | null {
    return this.log?.targetDurationSeconds ?? this.#word.facts?.targetDurationSeconds ?? null;
  }

  /** Null where this edge does not know it. */
  get activeMode(): Route['mode'] | null {
    const { listed } = this.#timeline;
    const isListed = (listed?.entries.length ?? 0) > 0;
    return isListed ? this.#shownMode.of(listed) : (this.report?.activeMode ?? null);
  }

  update(route: Route): void {
    this.#route = route;
    this.#timeline.raise(route.ownerTerm);
    this.#attach();
    this.evaluate();
  }

  setLocalViewers(viewers: number): void {
    // Thousands come and go: only the first one and the last change anything here.
    if (this.#demand.setViewers(viewers)) this.evaluate();
  }

  /** Waits up to 10 s for the owner's first probe. Throws SOURCE_UNREACHABLE and OWNER_UNREACHABLE. */
  async multivariant(sessionQuery: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    const known = () => this.#word.facts;
    const facts = await this.#waiters.wait(known, signal).catch((error: unknown) => this.#refuse(error));
    return { text: multivariantPlaylist(facts, this.#word.ladder(this.#route), sessionQuery), maxAgeSeconds: 0 };
  }

  /** Follows the channel; waits up to 10 s for what its owner shows. Throws as {@link multivariant}, and RUNG_UNKNOWN. */
  media(rung: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    return this.#playlists.get(rung, signal);
  }

  /** Somebody asks for the media playlist of a rung: channel and rung are wanted for a while. */
  asked(rung: string): void {
    this.#files.asked(rung);
    const ran = this.#demand.request();
    if (!this.#wanted || !ran) this.evaluate();
  }

  /** The media playlist that a request would get at once; null where it would wait or be refused. */
  listed(rung: string): PlaylistAnswer | null {
    return this.#closed ? null : this.#playlists.listed(rung);
  }

  /** Resolves when a file of the channel is stored here, as {@link SegmentCache.get}. */
  segment(name: string): Promise<Uint8Array | null> {
    if (!this.#wanted && !this.#closed) this.#forgetting.plan();
    return this.#files.get(name);
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
    const { changed, ownerAway } = this.#context;
    if (this.#closed || !this.isOwnerAway || !this.#wanted) return;
    this.#detour.take(from, () => {
      if (this.isOwnerAway && this.#wanted) ownerAway();
    });
    const shown = this.log === null ? null : nextMsn(this.log);
    if (copy !== null && this.#timeline.takeMore(copy)) {
      if (this.log !== null) this.#files.listed(this.log, shown);
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
      this.#timeline.begin();
    } else {
      this.#timeline.letGo();
      this.#files.unwatched();
      this.#forgetting.plan();
    }
    this.#line.want(wanted);
    this.#context.changed();
  }

  /** The copy, for this edge to go on with it as the owner; null where it is not the newest that is known. */
  handOver(): TimelineCopy | null {
    return this.#timeline.handOver;
  }

  /** Ends it; `error` is what waiting requests get. With `dropFiles` nothing of the channel stays on the volume. */
  async close(error: SluiceError, dropFiles: boolean): Promise<void> {
    this.#closed = true;
    this.#demand.close();
    this.#forgetting.cancel();
    this.#detour.end();
    this.#away();
    this.#line.close();
    this.#waiters.fail(error);
    await this.#context.cache.close(dropFiles);
    if (dropFiles) await rm(this.#context.folder, { recursive: true, force: true });
  }

  #attach(): void {
    const owner = this.#route.owners[0] ?? null;
    if (this.#line.leadsTo(owner)) return;
    this.#away();
    this.#detour.end();
    this.#line.turnTo(owner, this.#wanted);
  }

  /** What the line to the owner tells. */
  #linked(): LinkedChannel {
    return {
      uid: this.#route.uid,
      request: () => {
        this.#timeline.begin();
        return this.#timeline.request;
      },
      updated: (message) => this.#updated(message),
      reported: (message) => this.#reported(message),
      gone: ({ owners, term }) => {
        this.#away();
        if (owners !== undefined && term !== undefined) this.#context.superseded({ owners, term });
      },
      lost: () => this.#away(),
      away: () => this.#context.ownerAway(),
    };
  }

  /** The owner says nothing of this channel any more: what is known gets old from now on. */
  #away(): void {
    this.#timeline.away(this.#line.heardAt);
  }

  #updated(message: Extract<OwnerMessage, { type: 'update' }>): void {
    const news = this.#timeline.update(message);
    if (news.kind === 'again') {
      this.#line.askAgain();
      return;
    }
    if (news.replaced !== null) {
      const { logger } = this.#context;
      logger.warn({ channel: keyOf(this.#route) }, `the owner has another timeline than before: ${news.replaced}`);
    }
    if (news.log !== null && this.log !== null) this.#files.listed(this.log, news.log.shown);
    this.#detour.end();
    this.#waiters.wake();
    this.#context.changed();
  }

  #reported({ report, ladder }: Extract<OwnerMessage, { type: 'report' }>): void {
    this.#word.take(report, ladder);
    this.#waiters.wake();
    const { state, reason } = report.health;
    // Only the reason: messages name hosts and paths that the Channel may want to hide.
    if (state === 'down') this.#waiters.fail(unreachable(`The channel's source cannot be read now (${reason})`));
    this.#context.changed();
  }

  /** Who can be asked for files: an owner that is away would keep each fetch waiting until its time is out. */
  #sources(): readonly OwnerAddress[] {
    const from = this.isOwnerAway ? this.#detour.via : this.owner;
    return from === null ? [] : [from];
  }

  /** A wait that came to nothing: for want of an owner, or for the owner's own reason. */
  #refuse(error: unknown): never {
    throw this.#closed || this.#line.isConnected ? error : withoutOwner(error, keyOf(this.#route));
  }

  /** Nobody watches here, and no playlist of the channel can be in use any more: its entries and files go. */
  #forget(): void {
    this.#timeline.clear();
    this.#files.forget().catch((error: unknown) => {
      this.#context.logger.warn({ err: error, channel: keyOf(this.#route) }, 'files that nobody watches here stay');
    });
  }
}
