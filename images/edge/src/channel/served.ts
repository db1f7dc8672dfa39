import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience } from '@sluice/common/link/audience.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { OwnerAddress } from '../replication/owner-link.ts';
import type { StoredFile } from '../replication/segments.ts';
import type { SourceClient } from '../source/client.ts';
import { nextMsn } from '../timeline/log.ts';
import { loadTimeline } from '../timeline/store.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { FetchContext } from './fetches.ts';
import { ChannelFollower } from './follower.ts';
import { isOwner } from './mode.ts';
import type { Negotiation } from './negotiation.ts';
import { OpeningRetry } from './opening-retry.ts';
import { ChannelOwner } from './owner.ts';
import type { Rereads } from './reread.ts';
import { SegmentCache } from './segment-cache.ts';
import type { ServedContext } from './served-context.ts';
import type { ChannelLive } from './service.ts';
import { isTakenOver, longestCopy, type Ownership, withReport } from './succession.ts';
import { type MissingSegments, takeOverFiles } from './take-over.ts';
import { ownerMoved } from './waiters.ts';

/** One channel on this edge, whoever owns it: it changes hands as its route says, with the timeline and the files. */
export class ServedChannel {
  readonly #context: ServedContext;
  #route: Route;
  audience: Audience | null = null;
  #localViewers = 0;
  #followers = 0;
  #report: OwnerReport | null = null;
  #owner: ChannelOwner | null = null;
  /** The owner's connections to the source; null where this edge does not own the channel. */
  #client: SourceClient | null = null;
  #follower: ChannelFollower | null = null;
  #cache: SegmentCache | null = null;
  /** What this edge has taken over without having all files of it. */
  #missing: MissingSegments | null = null;
  #removed = false;
  /** This edge asks others before it writes. */
  #claiming = false;
  /** This edge asks who follows an owner that is away. */
  #asking = false;
  /** The follower that this edge has ended to own the channel, until the owner is open. */
  #former: ChannelFollower | null = null;
  readonly #retry: OpeningRetry;
  /** Opening, changes and closing happen one after another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(route: Route, context: ServedContext) {
    this.#route = route;
    this.#context = context;
    this.#retry = new OpeningRetry(context.clock, () => this.apply(this.#route));
  }

  get route(): Route {
    return this.#route;
  }

  get owner(): ChannelOwner | null {
    return this.#owner;
  }

  get follower(): ChannelFollower | null {
    return this.#follower;
  }

  get missing(): MissingSegments | null {
    return this.#missing;
  }

  /** This edge's own; null where it does not own the channel. */
  get report(): OwnerReport | null {
    return this.#report;
  }

  get removed(): boolean {
    return this.#removed;
  }

  /** This edge waits for others: whoever it asks must not wait for it. */
  get claiming(): boolean {
    return this.#claiming;
  }

  get live(): ChannelLive {
    return {
      route: this.#route,
      activeMode: this.#activeMode(),
      report: this.#report ?? this.#follower?.report ?? null,
      audience: this.audience,
    };
  }

  /** Takes a route; resolves by {@link settled}. What fails for want of room or files is tried again. */
  apply(route: Route): void {
    this.#route = route;
    this.#turn = this.#turn
      .then(() => this.#settle())
      .then(
        () => this.#retry.opened(),
        (error: unknown) => this.#failed(error),
      );
  }

  /** Resolves when the newest route is in force. */
  settled(): Promise<void> {
    return this.#turn;
  }

  setLocalViewers(viewers: number): void {
    if (this.#localViewers === viewers) return;
    this.#localViewers = viewers;
    this.#tellAudience();
  }

  /** So many other edges watch it. */
  setFollowers(count: number): void {
    if (this.#followers === count) return;
    this.#followers = count;
    this.#tellAudience();
  }

  /** A file (`s/...`) that lies here, or lay at the owner before; null where it does not. */
  async storedFile(name: string): Promise<StoredFile | null> {
    const file = this.#stored(name);
    if (file !== null) return file;
    const isInForce = isOwner(this.#route, this.#context.podUid) ? this.#owner !== null : this.#follower !== null;
    if (!isInForce) await this.settled();
    // Who follows a new owner asks nobody else for what that one lists and may not have yet.
    await (this.#follower?.fetchForOthers(name) ?? this.#missing?.get(name))?.catch(() => undefined);
    return this.#stored(name);
  }

  #stored(name: string): StoredFile | null {
    return this.#owner?.files.find(name) ?? this.#cache?.find(name) ?? null;
  }

  /** Ends it; `error` is what waiting requests get. With `dropFiles` nothing of it stays on the volume. */
  async close(error: SluiceError, dropFiles: boolean): Promise<void> {
    this.#removed = true;
    this.#retry.end();
    this.#context.negotiation.release(this.#route.uid);
    await this.#turn;
    await this.#missing?.close();
    await this.#owner?.close(error, dropFiles);
    await this.#client?.close();
    await (this.#follower ?? this.#former)?.close(error, dropFiles);
    if (dropFiles) await rm(this.#context.statePath, { force: true });
  }

  #failed(error: unknown): void {
    this.#context.logger.error({ err: error, channel: keyOf(this.#route) }, 'channel cannot be opened');
    if (!this.#removed) this.#retry.failed();
  }

  async #settle(): Promise<void> {
    if (this.#removed) return;
    // A route that comes meanwhile has a turn of its own.
    const route = this.#route;
    if (isOwner(route, this.#context.podUid)) {
      // A new owner keeps what the last report said beyond its route.
      if (this.#owner === null) await this.#own(route);
      else if (this.#owner.route !== route) this.#owner.update(route);
    } else if (this.#follower === null) await this.#follow(route);
    else this.#follower.update(route);
    this.#tellAudience();
    this.#context.published();
  }

  /** This edge writes the timeline from now on; it goes on with the longest copy that it or another edge has. */
  async #own(route: Route): Promise<void> {
    const { clock, connect, logger, folder, openFiles, statePath } = this.#context;
    await this.#context.cleared();
    const follower = this.#follower ?? this.#former;
    const isEnded = follower !== null && follower === this.#former;
    const former = follower?.owner ?? null;
    const isAway = follower?.isOwnerAway === true;
    const claimed = this.#isNeeded() ? await this.#claim(route, former, isAway) : { copy: null, answered: [] };
    if (claimed === null) return;
    if (this.#removed || !isOwner(this.#route, this.#context.podUid)) {
      this.#context.negotiation.release(route.uid);
      return;
    }
    const copy = longestCopy([follower?.handOver() ?? null, claimed.copy]);
    const saved = copy === null ? null : await loadTimeline(statePath);
    const takeOver = copy !== null && saved?.uid === route.uid && nextMsn(saved.log) >= nextMsn(copy.log) ? null : copy;
    if (!isEnded) await follower?.close(ownerMoved(), takeOver === null);
    this.#former = follower;
    this.#follower = null;
    this.#cache = null;
    let rereads: Rereads | null = null;
    // One that could not be opened before has its own still.
    this.#client ??= connect(() => this.#owner?.targetDurationSeconds ?? null);
    const client = this.#client;
    const owner = await ChannelOwner.open(withReport(route, follower?.report ?? null), {
      ...{ clock, client, logger, folder, openFiles, statePath, takeOver },
      seen: (playlist) => rereads?.looked(playlist),
      changed: () => this.#context.published(),
      report: (report) => {
        this.#report = report;
        this.#context.reported(report);
      },
    });
    this.#owner = owner;
    this.#former = null;
    if (takeOver === null) return;
    const { reread } = this.#context;
    const context = { ...this.#fetching(), clock, logger, source: client, reread };
    const begun = takeOverFiles(context, owner, takeOver, claimed.answered);
    this.#missing = begun.missing;
    rereads = begun.rereads;
  }

  async #claim(route: Route, former: OwnerAddress | null, isAway: boolean): ReturnType<Negotiation['claim']> {
    this.#claiming = true;
    try {
      return await this.#context.negotiation.claim(route, former, isAway);
    } finally {
      this.#claiming = false;
    }
  }

  /** Another edge writes the timeline from now on; what was written here so far is a copy of it. */
  async #follow(route: Route): Promise<void> {
    const { clock, logger, links, folder, openFiles, statePath, negotiation } = this.#context;
    await this.#context.cleared();
    negotiation.release(route.uid);
    const fetched = this.#missing?.close();
    const isFirst = this.#owner === null && this.#former === null;
    // The copy is all that was written: nothing is from here on, however long fetches take to end.
    const copy = this.#owner?.handOver() ?? null;
    await this.#owner?.close(ownerMoved(), copy === null);
    await fetched;
    await this.#client?.close();
    this.#client = null;
    // Nothing here goes on with it: a later run of this edge starts from what the owner then has.
    await rm(statePath, { force: true });
    this.#owner = null;
    this.#former = null;
    this.#missing = null;
    this.#report = null;
    // What an earlier run has left is of a time that nobody knows: it would lie there until somebody comes.
    if (isFirst) await rm(join(folder, 's'), { recursive: true, force: true });
    this.#cache = new SegmentCache({ ...this.#fetching(), clock, openFiles });
    // What was written here stays as a copy: it counts as one from now on. If the folder cannot be read, later.
    if (copy !== null) await this.#cache.open().catch(() => undefined);
    const context = {
      ...{ clock, logger, links, folder, cache: this.#cache },
      changed: () => this.#context.followed(),
      superseded: (ownership: Ownership) => this.#context.superseded(ownership),
      ownerAway: () => this.#ownerAway(),
    };
    this.#follower = new ChannelFollower(route, context, copy);
  }

  #ownerAway(): void {
    const follower = this.#follower;
    if (this.#asking || this.#removed || follower === null) return;
    this.#asking = true;
    const { negotiation } = this.#context;
    void negotiation
      .ownerAway(this.#route, follower.isWatched, this.#isNeeded(), follower.goesByAnother)
      .then((heard) => {
        if (heard !== null && follower === this.#follower) follower.takeFrom(heard);
      })
      .finally(() => {
        this.#asking = false;
      });
  }

  /** Whether anybody wants the channel now: thousands of idle ones move without a word. */
  #isNeeded(): boolean {
    const watched = this.#localViewers + this.#followers > 0 || (this.#follower ?? this.#former)?.isWatched === true;
    // Without the operator an owner is followed only where somebody watches, if on another edge.
    return watched || this.#route.mode !== 'Idle' || isTakenOver(this.#route);
  }

  #fetching(): Pick<FetchContext, 'uid' | 'client' | 'turns' | 'onFetched'> {
    const { segments: client, turns, fetched: onFetched } = this.#context;
    return { uid: this.#route.uid, client, turns, onFetched };
  }

  #tellAudience(): void {
    this.#owner?.setLocalViewers(this.#localViewers + this.#followers);
    this.#follower?.setLocalViewers(this.#localViewers);
  }

  /** What viewers get now: this edge's own word, else the owner's, else what the operator says. */
  #activeMode(): Route['mode'] {
    if (this.#owner !== null) return this.#owner.activeMode;
    if (isOwner(this.#route, this.#context.podUid)) return 'Idle';
    return this.#follower?.activeMode ?? this.audience?.mode ?? 'Idle';
  }
}
