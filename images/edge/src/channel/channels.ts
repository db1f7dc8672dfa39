import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience, OwnerReport, Route } from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { FeedSource } from '../replication/feed.ts';
import type { OwnerAddress, OwnerLinks } from '../replication/owner-link.ts';
import { type SegmentClient, type StoredFile, segmentUnknown } from '../replication/segments.ts';
import type { SourceClient } from '../source/client.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { Clock } from './clock.ts';
import type { TimelineCopy } from './copy.ts';
import { type FetchContext, FetchTurns } from './fetches.ts';
import { ChannelFollower } from './follower.ts';
import { isOwner } from './mode.ts';
import { ChannelOwner } from './owner.ts';
import { SegmentCache } from './segment-cache.ts';
import type { ChannelLive, ChannelService } from './service.ts';
import { LIVE_FOLDER, removeStrayTimelines, strayFolders, TIMELINES_FOLDER } from './sweep.ts';
import { MissingSegments } from './take-over.ts';
import { OWNER_MOVED, ownerMoved, unreachable } from './waiters.ts';

/** A request is answered anew when its channel changes hands meanwhile; more changes than this are an error. */
const MAX_OWNER_MOVES = 3;

/** What the media side is built from. */
export interface MediaSideOptions {
  /** Absolute path of the media volume. */
  readonly mediaDirectory: string;
  readonly podUid: string;
  /** What reads sources; closed with the service. */
  readonly client: SourceClient;
  /** Connections to the edges that own what this one follows; closed with the service. */
  readonly links: OwnerLinks;
  /** What fetches segments from other edges; closed with the service. */
  readonly segments: SegmentClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The media side, with what agents and other edges need beside the viewers' interface. */
export interface MediaSide extends ChannelService, FeedSource {
  /** The owner of the channel whose transcode session this is or just was; null where this edge knows none. */
  ownerOfSession(namespace: string, session: string): ChannelOwner | null;
  /** A file (`s/...`) of a channel that lies on this edge, whoever owns the channel; null where it does not. */
  storedFile(uid: string, name: string): StoredFile | null;
  /** Subscribes to changes of what other edges copy, by uid; returns the unsubscribe function. */
  onPublished(listener: (uid: string) => void): () => void;
}

interface Channel {
  route: Route;
  audience: Audience | null;
  localViewers: number;
  /** Other edges that watch it. */
  followers: number;
  report: OwnerReport | null;
  owner: ChannelOwner | null;
  follower: ChannelFollower | null;
  cache: SegmentCache | null;
  /** What this edge has taken over without having all files of it. */
  missing: MissingSegments | null;
  removed: boolean;
  /** Opening, changes and closing of one channel happen one after another. */
  turn: Promise<void>;
}

function newChannel(route: Route): Channel {
  return {
    route,
    ...{ audience: null, report: null, owner: null, follower: null, cache: null, missing: null },
    ...{ localViewers: 0, followers: 0, removed: false },
    turn: Promise.resolve(),
  };
}

function unknownChannel(key: string): SluiceError {
  return new SluiceError(`There is no channel ${key}`, { code: 'CHANNEL_UNKNOWN', retryable: false, status: 404 });
}

/** What viewers get now: this edge's own word, else the owner's, else what the operator says. */
function modeOf({ route, audience, owner, follower }: Channel, podUid: string): Route['mode'] {
  if (owner !== null) return owner.activeMode;
  return isOwner(route, podUid) ? 'Idle' : (follower?.activeMode ?? audience?.mode ?? 'Idle');
}

/** The media side of an edge. */
export function createMediaSide(options: MediaSideOptions): MediaSide {
  return new Channels(options);
}

class Channels implements MediaSide {
  readonly #options: MediaSideOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #byUid = new Map<string, Channel>();
  readonly #reportListeners = new Set<(report: OwnerReport) => void>();
  readonly #followedListeners = new Set<(uid: string) => void>();
  readonly #publishedListeners = new Set<(uid: string) => void>();
  readonly #fetchedListeners = new Set<() => void>();
  readonly #turns = new FetchTurns();
  /** What a recreated Channel of the same name has to wait for. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(options: MediaSideOptions) {
    this.#options = options;
  }

  apply(route: Route): void {
    const key = keyOf(route);
    const known = this.#channels.get(key);
    if (known !== undefined && known.route.uid !== route.uid) void this.#end(key, known);
    const channel = known !== undefined && !known.removed ? known : newChannel(route);
    channel.route = route;
    this.#channels.set(key, channel);
    this.#byUid.set(route.uid, channel);
    this.#schedule(channel);
  }

  async remove(uid: string): Promise<void> {
    const channel = this.#byUid.get(uid);
    if (channel !== undefined) await this.#end(keyOf(channel.route), channel);
  }

  async sweep(): Promise<void> {
    const { mediaDirectory } = this.#options;
    const kept = {
      uid: (uid: string) => this.#byUid.has(uid),
      key: (key: string) => this.#channels.has(key) || this.#ending.has(key),
    };
    await removeStrayTimelines(mediaDirectory, kept);
    for (const key of await strayFolders(mediaDirectory, kept)) {
      // A channel of this name may have come since.
      if (!kept.key(key)) await this.#removing(key, () => rm(this.#folderOf(key), { recursive: true, force: true }));
    }
  }

  setAudience(audience: Audience): void {
    const channel = this.#byUid.get(audience.uid);
    if (channel !== undefined) channel.audience = audience;
  }

  setLocalViewers(uid: string, viewers: number): void {
    const channel = this.#byUid.get(uid);
    if (channel === undefined || channel.localViewers === viewers) return;
    channel.localViewers = viewers;
    this.#tellAudience(channel);
  }

  setFollowers(uid: string, count: number): void {
    const channel = this.#byUid.get(uid);
    if (channel === undefined || channel.followers === count) return;
    channel.followers = count;
    this.#tellAudience(channel);
  }

  multivariant(key: string, sessionQuery: string, signal: AbortSignal) {
    return this.#answer(key, (one) => one.multivariant(sessionQuery, signal));
  }

  media(key: string, rung: string, signal: AbortSignal) {
    return this.#answer(key, (one) => one.media(rung, signal));
  }

  async segment(key: string, name: string): Promise<void> {
    const { owner, follower, missing } = await this.#settled(key);
    if (follower !== null) await follower.segment(name);
    else if (owner?.files.has(name) === true) return;
    else if (missing !== null) await missing.get(name);
    else throw segmentUnknown(name);
  }

  targetDurationSeconds(key: string): number | null {
    const channel = this.#channels.get(key);
    return (channel?.owner ?? channel?.follower)?.targetDurationSeconds ?? null;
  }

  live(key: string): ChannelLive | null {
    const channel = this.#channels.get(key);
    return channel === undefined ? null : this.#liveOf(channel);
  }

  list(): readonly ChannelLive[] {
    return [...this.#channels.values()].map((channel) => this.#liveOf(channel));
  }

  reports(): readonly OwnerReport[] {
    return [...this.#channels.values()].flatMap(({ report }) => (report === null ? [] : [report]));
  }

  onReport(listener: (report: OwnerReport) => void): () => void {
    return subscribe(this.#reportListeners, listener);
  }

  onFollowed(listener: (uid: string) => void): () => void {
    return subscribe(this.#followedListeners, listener);
  }

  onFetched(listener: () => void): () => void {
    return subscribe(this.#fetchedListeners, listener);
  }

  onPublished(listener: (uid: string) => void): () => void {
    return subscribe(this.#publishedListeners, listener);
  }

  ownerOfSession(namespace: string, session: string): ChannelOwner | null {
    for (const { route, owner } of this.#channels.values()) {
      if (route.namespace === namespace && owner?.sessionNamed(session)) return owner;
    }
    return null;
  }

  published(uid: string) {
    return this.#byUid.get(uid)?.owner?.published() ?? null;
  }

  reportOf(uid: string) {
    const { report, owner } = this.#byUid.get(uid) ?? { report: null, owner: null };
    return report === null || owner === null ? null : { report, ladder: owner.ladder };
  }

  *ownedUids(): Iterable<string> {
    for (const [uid, { owner }] of this.#byUid) if (owner !== null) yield uid;
  }

  storedFile(uid: string, name: string): StoredFile | null {
    const { owner, cache } = this.#byUid.get(uid) ?? { owner: null, cache: null };
    return owner?.files.find(name) ?? cache?.find(name) ?? null;
  }

  async close(): Promise<void> {
    const all = [...this.#channels.entries()];
    this.#channels.clear();
    this.#byUid.clear();
    await Promise.all([
      ...this.#ending.values(),
      ...all.map(async ([key, channel]) => {
        channel.removed = true;
        await channel.turn;
        await this.#closeParts(channel, unreachable(`This edge is shutting down, ask again for ${key}`), false);
      }),
    ]);
    this.#options.links.close();
    await Promise.all([this.#options.client.close(), this.#options.segments.close()]);
  }

  #folderOf(key: string): string {
    return join(this.#options.mediaDirectory, LIVE_FOLDER, key);
  }

  #statePathOf(uid: string): string {
    return join(this.#options.mediaDirectory, TIMELINES_FOLDER, `${uid}.json`);
  }

  #schedule(channel: Channel): void {
    channel.turn = channel.turn
      .then(() => this.#settle(channel))
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error, channel: keyOf(channel.route) }, 'channel cannot be opened');
      });
  }

  async #settle(channel: Channel): Promise<void> {
    const { route } = channel;
    if (channel.removed) return;
    if (isOwner(route, this.#options.podUid)) {
      if (channel.owner === null) await this.#own(channel);
      if (channel.owner?.route !== channel.route) channel.owner?.update(channel.route);
    } else {
      if (channel.follower === null) await this.#follow(channel);
      channel.follower?.update(channel.route);
    }
    this.#tellAudience(channel);
    this.#published(route.uid);
  }

  /** This edge writes the channel's timeline from now on; where it has copied it until now it goes on with that. */
  async #own(channel: Channel): Promise<void> {
    const { route, follower } = channel;
    const key = keyOf(route);
    await this.#ending.get(key);
    const takeOver = follower?.handOver() ?? null;
    const from = [...(follower?.owner == null ? [] : [follower.owner]), ...route.owners.slice(1)];
    await follower?.close(ownerMoved(), follower !== null && takeOver === null);
    channel.follower = null;
    channel.cache = null;
    const facts = route.source.facts ?? follower?.report?.facts ?? null;
    const owner = await ChannelOwner.open(facts === null ? route : { ...route, source: { ...route.source, facts } }, {
      clock: this.#options.clock,
      client: this.#options.client,
      logger: this.#options.logger,
      folder: this.#folderOf(key),
      statePath: this.#statePathOf(route.uid),
      takeOver,
      changed: () => this.#published(route.uid),
      report: (report) => {
        channel.report = report;
        for (const listener of this.#reportListeners) listener(report);
      },
    });
    channel.owner = owner;
    if (takeOver !== null) channel.missing = this.#takenOver(route.uid, owner, takeOver, from);
  }

  #takenOver(uid: string, owner: ChannelOwner, copy: TimelineCopy, from: readonly OwnerAddress[]): MissingSegments {
    const missing = new MissingSegments({ ...this.#fetching(uid), files: owner.files }, from);
    missing.fetchAll(copy.log);
    return missing;
  }

  /** Another edge writes the channel's timeline from now on; what was written here so far is a copy of it. */
  async #follow(channel: Channel): Promise<void> {
    const { route, owner } = channel;
    const key = keyOf(route);
    await this.#ending.get(key);
    const copy = owner?.handOver() ?? null;
    await channel.missing?.close();
    await owner?.close(ownerMoved(), copy === null);
    // Nothing here goes on with it: a later run of this edge starts from what the owner then has.
    await rm(this.#statePathOf(route.uid), { force: true });
    channel.owner = null;
    channel.missing = null;
    channel.report = null;
    const { clock, logger, links } = this.#options;
    const folder = this.#folderOf(key);
    channel.cache = new SegmentCache({ ...this.#fetching(route.uid), clock, folder });
    const changed = (): void => {
      for (const listener of this.#followedListeners) listener(route.uid);
    };
    channel.follower = new ChannelFollower(
      route,
      { clock, logger, links, folder, cache: channel.cache, changed },
      copy,
    );
  }

  #fetching(uid: string): Pick<FetchContext, 'uid' | 'client' | 'turns' | 'onFetched'> {
    const onFetched = (): void => {
      for (const listener of this.#fetchedListeners) listener();
    };
    return { uid, client: this.#options.segments, turns: this.#turns, onFetched };
  }

  #tellAudience({ owner, follower, localViewers, followers }: Channel): void {
    owner?.setLocalViewers(localViewers + followers);
    follower?.setLocalViewers(localViewers);
  }

  #published(uid: string): void {
    for (const listener of this.#publishedListeners) listener(uid);
  }

  /** Removes files of a key, after what is being removed of it already; a channel of that key opens behind it. */
  #removing(key: string, remove: () => Promise<void>): Promise<void> {
    const done = (this.#ending.get(key) ?? Promise.resolve())
      .then(remove)
      .catch((error: unknown) =>
        this.#options.logger.error({ err: error, channel: key }, 'files of a removed channel stay'),
      )
      .finally(() => {
        if (this.#ending.get(key) === done) this.#ending.delete(key);
      });
    this.#ending.set(key, done);
    return done;
  }

  #end(key: string, channel: Channel): Promise<void> {
    const { uid } = channel.route;
    channel.removed = true;
    if (this.#channels.get(key) === channel) this.#channels.delete(key);
    if (this.#byUid.get(uid) === channel) this.#byUid.delete(uid);
    this.#published(uid);
    return this.#removing(key, async () => {
      await channel.turn;
      await this.#closeParts(channel, unknownChannel(key), true);
      await rm(this.#statePathOf(uid), { force: true });
    });
  }

  async #closeParts(channel: Channel, error: SluiceError, dropFiles: boolean): Promise<void> {
    await channel.missing?.close();
    await channel.owner?.close(error, dropFiles);
    await channel.follower?.close(error, dropFiles);
  }

  async #settled(key: string): Promise<Channel> {
    const channel = this.#channels.get(key);
    if (channel === undefined) throw unknownChannel(key);
    await channel.turn;
    return channel;
  }

  /** Asks whoever answers for a channel here; again where it has changed hands during the answer. */
  async #answer<T>(key: string, ask: (one: ChannelOwner | ChannelFollower) => Promise<T>): Promise<T> {
    for (let moves = 0; ; moves += 1) {
      const { owner, follower } = await this.#settled(key);
      const one = owner ?? follower;
      if (one === null) throw unreachable(`This edge cannot serve ${key}`);
      try {
        return await ask(one);
      } catch (error) {
        if (!(error instanceof SluiceError) || error.code !== OWNER_MOVED || moves >= MAX_OWNER_MOVES) throw error;
      }
    }
  }

  #liveOf(channel: Channel): ChannelLive {
    const { route, report, follower, audience } = channel;
    const activeMode = modeOf(channel, this.#options.podUid);
    return { route, activeMode, report: report ?? follower?.report ?? null, audience };
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
