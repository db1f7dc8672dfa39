import { RecencyList, type RecencyNode } from '@sluice/common/order/recency.ts';
import { sessionIdHash } from './session-id.ts';

/**
 * Ids that one channel remembers on one edge, counted or waiting for their second request. About 400 bytes each: 40 MB.
 * Beyond it viewers are served, but new ones are not counted and the count is marked approximate.
 */
export const MAX_IDS_PER_CHANNEL = 100_000;

/** How long evidence lasts, in ms; read at every use, because target duration and route change. */
export interface EvidenceLifetimes {
  readonly playlistMs: () => number;
  readonly heartbeatMs: () => number;
}

/** Ids that all channels of an edge may remember together. */
export interface IdBudget {
  used: number;
  readonly limit: number;
}

/** What became of a sign of life: counted now, remembered until the next one, or not taken because memory is full. */
export type SignOutcome = 'counted' | 'waiting' | 'full';

interface Viewer {
  readonly id: string;
  readonly hash: string;
  playlist: RecencyNode<Viewer> | null;
  /** When a playlist was asked for last, ms; of a request that nginx answered, before it was heard of. */
  playlistAt: number;
  heartbeat: RecencyNode<Viewer> | null;
  /** When a heartbeat came last, ms; of one that waited for an answer, before it was counted. */
  heartbeatAt: number;
  /** Whether the playlist evidence counts: at once for an adopted id, from the second request on for one just minted. */
  confirmed: boolean;
}

/** A counted viewer as the operator sees it. */
export interface CountedViewer {
  readonly hash: string;
  /** Has asked for media playlists, not only sent heartbeats. */
  readonly trusted: boolean;
}

/**
 * The viewers of one channel on one edge: evidence in, a count out. Pure but for its memory; the caller brings the time.
 * One id is one viewer, whatever evidence it has. Every operation is O(1), apart from the expiry of what has expired.
 */
export class ChannelViewers {
  readonly #lifetimes: EvidenceLifetimes;
  readonly #budget: IdBudget;
  readonly #onChange: (hash: string) => void;
  readonly #viewers = new Map<string, Viewer>();
  readonly #counted = new Map<string, Viewer>();
  readonly #playlists = new RecencyList<Viewer>();
  readonly #heartbeats = new RecencyList<Viewer>();
  #expiredAt = Number.NEGATIVE_INFINITY;
  #peak = 0;
  #approximate = false;
  #signs: Set<string> | null = null;

  /** @param onChange called with an id's hash when it joins, leaves, or gains or loses trust */
  constructor(lifetimes: EvidenceLifetimes, budget: IdBudget, onChange: (hash: string) => void) {
    this.#lifetimes = lifetimes;
    this.#budget = budget;
    this.#onChange = onChange;
  }

  /**
   * A GET of a media playlist. `mustComeBack` is asked only where no playlist evidence is known of the id: whether this
   * request alone does not make a viewer of it. @param ageMs how long ago it was
   */
  playlistRequest(id: string, mustComeBack: (id: string) => boolean, now: number, ageMs = 0): SignOutcome {
    this.#expireOnce(now);
    const viewer = this.#find(id);
    if (viewer === null) return 'full';
    const before = stateOf(viewer);
    if (viewer.playlist === null) {
      viewer.playlist = this.#playlists.add(viewer, now);
      viewer.confirmed = !mustComeBack(id);
    } else {
      this.#playlists.touch(viewer.playlist, now);
      viewer.confirmed = true;
    }
    viewer.playlistAt = Math.max(viewer.playlistAt, now - ageMs);
    return this.#signOfLife(viewer, before);
  }

  /** A heartbeat counts at once, whatever the id. @param ageMs how long ago it came */
  heartbeat(id: string, now: number, ageMs = 0): SignOutcome {
    this.#expireOnce(now);
    const viewer = this.#find(id);
    if (viewer === null) return 'full';
    const before = stateOf(viewer);
    if (viewer.heartbeat === null) viewer.heartbeat = this.#heartbeats.add(viewer, now);
    else this.#heartbeats.touch(viewer.heartbeat, now);
    viewer.heartbeatAt = Math.max(viewer.heartbeatAt, now - ageMs);
    return this.#signOfLife(viewer, before);
  }

  /** The viewer says goodbye: all its evidence goes at once. */
  leave(id: string, now: number): void {
    this.expire(now);
    const viewer = this.#viewers.get(id);
    if (viewer === undefined) return;
    const before = stateOf(viewer);
    this.#dropPlaylist(viewer);
    this.#dropHeartbeat(viewer);
    this.#settle(viewer, before);
  }

  /** Forgets evidence that is older than its lifetime. */
  expire(now: number): void {
    this.#expiredAt = now;
    const playlistLimit = now - this.#lifetimes.playlistMs();
    for (let node = this.#playlists.oldest; node !== null && node.at <= playlistLimit; node = this.#playlists.oldest) {
      const before = stateOf(node.item);
      this.#dropPlaylist(node.item);
      this.#settle(node.item, before);
    }
    const heartbeatLimit = now - this.#lifetimes.heartbeatMs();
    for (
      let node = this.#heartbeats.oldest;
      node !== null && node.at <= heartbeatLimit;
      node = this.#heartbeats.oldest
    ) {
      const before = stateOf(node.item);
      this.#dropHeartbeat(node.item);
      this.#settle(node.item, before);
    }
    if (this.#counted.size < MAX_IDS_PER_CHANNEL / 2) this.#approximate = false;
  }

  /** Forgets everybody, for a channel that is gone. */
  clear(): void {
    for (const viewer of [...this.#viewers.values()]) {
      const before = stateOf(viewer);
      this.#dropPlaylist(viewer);
      this.#dropHeartbeat(viewer);
      this.#settle(viewer, before);
    }
  }

  /** Viewers as of the last operation or {@link expire}. */
  get count(): number {
    return this.#counted.size;
  }

  /** Most viewers at one time since this edge knows the channel. */
  get peak(): number {
    return this.#peak;
  }

  /** True once ids had to be left out for lack of memory, until less than half of the room is taken. */
  get approximate(): boolean {
    return this.#approximate;
  }

  /** Nothing is remembered: neither viewers nor first requests. */
  get empty(): boolean {
    return this.#viewers.size === 0;
  }

  isCounted(id: string): boolean {
    const viewer = this.#viewers.get(id);
    return viewer !== undefined && stateOf(viewer) !== 'out';
  }

  /** A counted viewer by the hash of its id. */
  byHash(hash: string): CountedViewer | null {
    const viewer = this.#counted.get(hash);
    return viewer === undefined ? null : { hash, trusted: stateOf(viewer) === 'trusted' };
  }

  /** A viewer said goodbye at another edge, at `leftAt`: evidence up to then goes. `hash` is the id's. */
  leaveByHash(hash: string, leftAt: number): void {
    const viewer = this.#counted.get(hash);
    if (viewer === undefined) return;
    const before = stateOf(viewer);
    if (viewer.playlistAt <= leftAt) this.#dropPlaylist(viewer);
    if (viewer.heartbeatAt <= leftAt) this.#dropHeartbeat(viewer);
    this.#settle(viewer, before);
  }

  /** All counted viewers. */
  *counted(): Generator<CountedViewer> {
    for (const viewer of this.#counted.values()) {
      yield { hash: viewer.hash, trusted: stateOf(viewer) === 'trusted' };
    }
  }

  /** Hashes of ids that have to come back to be counted. */
  *waiting(): Generator<string> {
    for (const { hash } of this.#viewers.values()) if (!this.#counted.has(hash)) yield hash;
  }

  /** Starts or ends the collection of signs of life; starting again keeps what is collected. */
  collectSigns(wanted: boolean): void {
    this.#signs = wanted ? (this.#signs ?? new Set()) : null;
  }

  /** Hashes of counted ids with a sign of life since the last call. */
  takeSigns(): readonly string[] {
    if (this.#signs === null || this.#signs.size === 0) return [];
    const taken = [...this.#signs];
    this.#signs.clear();
    return taken;
  }

  /** Many signs of life come in the same millisecond: nothing has expired since the one before. */
  #expireOnce(now: number): void {
    if (now !== this.#expiredAt) this.expire(now);
  }

  #find(id: string): Viewer | null {
    const known = this.#viewers.get(id);
    if (known !== undefined) return known;
    if (this.#viewers.size >= MAX_IDS_PER_CHANNEL || this.#budget.used >= this.#budget.limit) {
      this.#approximate = true;
      return null;
    }
    const viewer: Viewer = {
      ...{ id: ownText(id), hash: sessionIdHash(id), confirmed: false },
      ...{ playlist: null, playlistAt: Number.NEGATIVE_INFINITY },
      ...{ heartbeat: null, heartbeatAt: Number.NEGATIVE_INFINITY },
    };
    this.#viewers.set(viewer.id, viewer);
    this.#budget.used += 1;
    return viewer;
  }

  #signOfLife(viewer: Viewer, before: ViewerState): SignOutcome {
    const counted = this.#settle(viewer, before) !== 'out';
    if (counted) this.#signs?.add(viewer.hash);
    return counted ? 'counted' : 'waiting';
  }

  #dropPlaylist(viewer: Viewer): void {
    if (viewer.playlist === null) return;
    this.#playlists.remove(viewer.playlist);
    viewer.playlist = null;
    viewer.playlistAt = Number.NEGATIVE_INFINITY;
    viewer.confirmed = false;
  }

  #dropHeartbeat(viewer: Viewer): void {
    if (viewer.heartbeat === null) return;
    this.#heartbeats.remove(viewer.heartbeat);
    viewer.heartbeat = null;
    viewer.heartbeatAt = Number.NEGATIVE_INFINITY;
  }

  /** Brings counts and listeners up to date after a change of one viewer's evidence. */
  #settle(viewer: Viewer, before: ViewerState): ViewerState {
    if (viewer.playlist === null && viewer.heartbeat === null) {
      this.#viewers.delete(viewer.id);
      this.#budget.used -= 1;
    }
    const after = stateOf(viewer);
    if (after === before) return after;
    if (after === 'out') {
      this.#counted.delete(viewer.hash);
      this.#signs?.delete(viewer.hash);
    } else this.#counted.set(viewer.hash, viewer);
    this.#peak = Math.max(this.#peak, this.#counted.size);
    this.#onChange(viewer.hash);
    return after;
  }
}

/** The same id as a text of its own: as a part of a URL it would keep the whole request line in memory. Ids are ASCII. */
function ownText(id: string): string {
  return Buffer.from(id, 'latin1').toString('latin1');
}

type ViewerState = 'out' | 'untrusted' | 'trusted';

function stateOf(viewer: Viewer): ViewerState {
  if (viewer.playlist !== null && viewer.confirmed) return 'trusted';
  return viewer.heartbeat === null ? 'out' : 'untrusted';
}
