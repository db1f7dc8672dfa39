import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience } from '@sluice/common/link/audience.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { OwnersAnswer, OwnersClaim } from '../replication/ownership.ts';
import { type StoredFile, segmentUnknown } from '../replication/segments.ts';
import { keyOf } from '../viewers/audiences.ts';
import { FetchTurns } from './fetches.ts';
import { ChannelFolders } from './folders.ts';
import type { ChannelFollower } from './follower.ts';
import { Listeners } from './listeners.ts';
import type { MediaSide, MediaSideOptions } from './media-side.ts';
import { Negotiation } from './negotiation.ts';
import type { ChannelOwner } from './owner.ts';
import { OwnersDesk } from './owners-desk.ts';
import type { Reread } from './reread.ts';
import { ServedChannel } from './served.ts';
import type { ChannelLive, Departure, OwnersListener } from './service.ts';
import { type Ownership, ownershipOf } from './succession.ts';
import { OWNER_MOVED, unreachable } from './waiters.ts';

/** A request is answered anew when its channel changes hands meanwhile; more changes than this are an error. */
const MAX_OWNER_MOVES = 3;

function unknownChannel(key: string): SluiceError {
  return new SluiceError(`There is no channel ${key}`, { code: 'CHANNEL_UNKNOWN', retryable: false, status: 404 });
}

/** The media side of an edge. */
export function createMediaSide(options: MediaSideOptions): MediaSide {
  return new Channels(options);
}

class Channels implements MediaSide {
  readonly #options: MediaSideOptions;
  readonly #channels = new Map<string, ServedChannel>();
  readonly #byUid = new Map<string, ServedChannel>();
  readonly #reported = new Listeners<[report: OwnerReport]>();
  readonly #followed = new Listeners<[uid: string]>();
  readonly #published = new Listeners<[uid: string]>();
  readonly #fetched = new Listeners<[bytes: number]>();
  readonly #reread = new Listeners<[result: Reread]>();
  readonly #superseded = new Listeners<Parameters<OwnersListener>>();
  readonly #negotiation: Negotiation;
  readonly #turns = new FetchTurns();
  /** Other edges that watch, by uid: one may have heard of a channel before this edge has. */
  readonly #followers = new Map<string, number>();
  readonly #owners: OwnersDesk;
  readonly #folders: ChannelFolders;

  constructor(options: MediaSideOptions) {
    this.#options = options;
    this.#folders = new ChannelFolders(options.mediaDirectory, options.logger);
    this.#negotiation = new Negotiation({
      podUid: options.podUid,
      client: options.ownership,
      clock: options.clock,
      superseded: (uid, { owners, term }) => {
        options.logger.warn({ uid, term, owner: owners[0]?.podName }, 'a channel has another owner');
        this.#superseded.tell(uid, owners, term);
      },
    });
    this.#owners = new OwnersDesk({
      podUid: options.podUid,
      clock: options.clock,
      negotiation: this.#negotiation,
      superseded: (...word) => this.#superseded.tell(...word),
      channelOf: (uid) => this.#byUid.get(uid),
      channels: () => this.#byUid.values(),
    });
  }

  apply(route: Route): void {
    const key = keyOf(route);
    const known = this.#channels.get(key);
    if (known !== undefined && known.route.uid !== route.uid) void this.#end(key, known);
    const channel = known !== undefined && known.route.uid === route.uid && !known.removed ? known : this.#serve(route);
    this.#channels.set(key, channel);
    this.#byUid.set(route.uid, channel);
    channel.apply(route);
    this.#owners.applied(channel);
  }

  async remove(uid: string): Promise<void> {
    const channel = this.#byUid.get(uid);
    if (channel !== undefined) await this.#end(keyOf(channel.route), channel);
  }

  sweep(): Promise<void> {
    return this.#folders.sweep({ uid: (uid) => this.#byUid.has(uid), key: (key) => this.#channels.has(key) });
  }

  setAudience(audience: Audience): void {
    const channel = this.#byUid.get(audience.uid);
    if (channel !== undefined) channel.audience = audience;
  }

  setLocalViewers(uid: string, viewers: number): void {
    this.#byUid.get(uid)?.setLocalViewers(viewers);
  }

  setFollowers(uid: string, count: number): void {
    if (count > 0) this.#followers.set(uid, count);
    else this.#followers.delete(uid);
    this.#byUid.get(uid)?.setFollowers(count);
  }

  multivariant(key: string, sessionQuery: string, signal: AbortSignal) {
    return this.#answer(key, (one) => one.multivariant(sessionQuery, signal));
  }

  media(key: string, rung: string, signal: AbortSignal) {
    return this.#answer(key, (one) => one.media(rung, signal));
  }

  listed(key: string, rung: string) {
    const { owner, follower } = this.#channels.get(key) ?? { owner: null, follower: null };
    return (owner ?? follower)?.listed(rung) ?? null;
  }

  asked(key: string, rung: string): void {
    const { owner, follower } = this.#channels.get(key) ?? { owner: null, follower: null };
    (owner ?? follower)?.asked(rung);
  }

  async segment(key: string, name: string): Promise<Uint8Array | null> {
    const { owner, follower, missing } = await this.#settled(key);
    if (follower !== null) return follower.segment(name);
    if (owner?.files.has(name) === true) return null;
    if (missing !== null) return missing.get(name);
    throw segmentUnknown(name);
  }

  targetDurationSeconds(key: string): number | null {
    const channel = this.#channels.get(key);
    return (channel?.owner ?? channel?.follower)?.targetDurationSeconds ?? null;
  }

  live(key: string): ChannelLive | null {
    const channel = this.#channels.get(key);
    return channel?.live ?? null;
  }

  list(): readonly ChannelLive[] {
    return [...this.#channels.values()].map(({ live }) => live);
  }

  reports(): readonly OwnerReport[] {
    return [...this.#channels.values()].flatMap(({ report }) => (report === null ? [] : [report]));
  }

  onReport(listener: (report: OwnerReport) => void): () => void {
    return this.#reported.add(listener);
  }

  onFollowed(listener: (uid: string) => void): () => void {
    return this.#followed.add(listener);
  }

  onFetched(listener: (bytes: number) => void): () => void {
    return this.#fetched.add(listener);
  }

  onReread(listener: (result: Reread) => void): () => void {
    return this.#reread.add(listener);
  }

  onOwners(listener: OwnersListener): () => void {
    return this.#superseded.add(listener);
  }

  hearOwners(uid: string, claim: OwnersClaim): Promise<OwnersAnswer | null> {
    return this.#owners.hear(uid, claim);
  }

  leave(): Promise<Departure> {
    return this.#owners.leave();
  }

  onPublished(listener: (uid: string) => void): () => void {
    return this.#published.add(listener);
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

  ownershipOf(uid: string): Ownership | null {
    const channel = this.#byUid.get(uid);
    return channel === undefined ? null : ownershipOf(channel.route);
  }

  *ownedUids(): Iterable<string> {
    for (const [uid, { owner }] of this.#byUid) if (owner !== null) yield uid;
  }

  async storedFile(uid: string, name: string): Promise<StoredFile | null> {
    return (await this.#byUid.get(uid)?.storedFile(name)) ?? null;
  }

  async close(): Promise<void> {
    const all = [...this.#channels.entries()];
    this.#channels.clear();
    this.#byUid.clear();
    await Promise.all([
      this.#folders.idle(),
      ...all.map(([key, channel]) =>
        channel.close(unreachable(`This edge is shutting down, ask again for ${key}`), false),
      ),
    ]);
    this.#negotiation.close();
    this.#options.links.close();
    const { segments, ownership } = this.#options;
    await Promise.all([segments.close(), ownership.close()]);
  }

  /** A new channel of this route. */
  #serve(route: Route): ServedChannel {
    const { podUid, connect, links, segments, clock, logger, volume } = this.#options;
    const { uid } = route;
    const key = keyOf(route);
    const channel: ServedChannel = new ServedChannel(route, {
      ...{ podUid, connect, links, segments, clock, logger, negotiation: this.#negotiation, turns: this.#turns },
      folder: this.#folders.of(key),
      openFiles: () => volume.open(key, this.#folders.of(key)),
      statePath: this.#folders.statePathOf(uid),
      cleared: () => this.#folders.cleared(key),
      reported: (report) => this.#reported.tell(report),
      published: () => {
        this.#published.tell(uid);
        this.#owners.changed(channel);
      },
      followed: () => this.#followed.tell(uid),
      superseded: ({ owners, term }) => this.#superseded.tell(uid, owners, term),
      fetched: (bytes) => this.#fetched.tell(bytes),
      reread: (result) => this.#reread.tell(result),
    });
    channel.setFollowers(this.#followers.get(uid) ?? 0);
    return channel;
  }

  #end(key: string, channel: ServedChannel): Promise<void> {
    const { uid } = channel.route;
    if (this.#channels.get(key) === channel) this.#channels.delete(key);
    if (this.#byUid.get(uid) === channel) this.#byUid.delete(uid);
    this.#published.tell(uid);
    // Not behind what is being removed of this name already: requests that wait are told at once.
    const closed = channel.close(unknownChannel(key), true);
    closed.catch(() => undefined);
    return this.#folders.removing(key, () => closed.then(() => this.#options.volume.forget(key)));
  }

  async #settled(key: string): Promise<ServedChannel> {
    const channel = this.#channels.get(key);
    if (channel === undefined) throw unknownChannel(key);
    await channel.settled();
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
}
