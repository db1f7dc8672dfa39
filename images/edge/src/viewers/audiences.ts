import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { channelUnknown } from '../http/error-answer.ts';
import { ChannelViewers, type CountedViewer, type IdBudget, type SignOutcome } from './channel-viewers.ts';
import { LetIn } from './let-in.ts';
import { RecentGoodbyes } from './recent-goodbyes.ts';
import { sessionIdHash } from './session-id.ts';

/** Ids that all channels of one edge remember together: about 100 MB at most, whatever anybody sends. */
export const MAX_IDS_PER_EDGE = 250_000;

/** A playlist is polled once per target duration; three of them allow for two lost polls. */
const PLAYLIST_TARGET_DURATIONS = 3;
const MINIMUM_PLAYLIST_SECONDS = 10;
/** Of a channel that this edge has no playlist of; the longest that is usual (RFC 8216bis has no limit). */
const ASSUMED_TARGET_DURATION_SECONDS = 6;
/** A heartbeat that is due at the time-out may still be on its way. */
const HEARTBEAT_SLACK_SECONDS = 5;
/** A refused viewer tries again after this: some poll of a viewer who went has expired by then. */
const LIMIT_RETRY_SECONDS = 10;

/** The operator keeps no seat for longer than a minute (`MAX_HOLD_SECONDS`), and its answer takes its time. */
const MAX_LET_IN_MS = 50_000;

/** What the counting needs to know from elsewhere. */
export interface AudienceContext {
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
  /** Target duration of a channel's playlists in seconds, null while unknown. */
  readonly targetDurationSeconds: (key: string) => number | null;
  /** Viewers on all edges as the operator counts them; null where that is not known. */
  readonly wholeCount: (key: string) => number | null;
  /** See {@link SessionIds.mintedAgeMs}. */
  readonly mintedAgeMs: (key: string, id: string) => number | null;
  /** Whether this edge has a route of the channel: a request may have waited while its Channel was removed. */
  readonly isServed: (uid: string) => boolean;
}

/** Hears of every viewer who joins, leaves, or gains or loses trust. */
export type AudienceListener = (uid: string, hash: string, count: number) => void;

/** Hears of every goodbye, by the hash of the id. */
export type GoodbyeListener = (uid: string, hash: string) => void;

/** What is known of a channel's local audience. */
export interface LocalAudience {
  readonly count: number;
  readonly peak: number;
  /** True where more viewers came than could be remembered: the count is a lower bound. */
  readonly approximate: boolean;
}

const NOBODY: LocalAudience = { count: 0, peak: 0, approximate: false };

/**
 * The viewers of all channels on this edge. Channels are named by their route, so that a recreated channel begins with
 * nobody. Memory: at most {@link MAX_IDS_PER_EDGE} ids in all.
 */
export class Audiences {
  readonly #context: AudienceContext;
  readonly #budget: IdBudget = { used: 0, limit: MAX_IDS_PER_EDGE };
  readonly #channels = new Map<string, { route: Route; readonly viewers: ChannelViewers }>();
  readonly #active = new Set<string>();
  readonly #letIn = new LetIn();
  readonly #left = new RecentGoodbyes();
  readonly #listeners = new Set<AudienceListener>();
  readonly #goodbyes = new Set<GoodbyeListener>();

  constructor(context: AudienceContext) {
    this.#context = context;
  }

  /** Subscribes to all changes of all channels; returns the unsubscribe function. */
  onChange(listener: AudienceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A GET of a media playlist with an id, so many milliseconds ago.
   * @throws SluiceError `STREAM_LIMIT_EXCEEDED` (429) for an id that is not counted yet where the channel is full, and
   *   `CHANNEL_UNKNOWN` (404) for a channel that is gone
   */
  playlistRequest(route: Route, id: string, ageMs = 0): SignOutcome {
    const viewers = this.#viewersOf(route);
    this.#refuseWhenFull(route, viewers, id);
    if (this.#hasLeftSince(route, id, ageMs)) return 'waiting';
    const outcome = viewers.playlistRequest(id, (one) => this.#isFresh(route, one, ageMs), this.#context.now(), ageMs);
    this.#active.add(route.uid);
    return outcome;
  }

  /** A heartbeat, so many milliseconds ago. @throws SluiceError as for playlists */
  heartbeat(route: Route, id: string, ageMs = 0): SignOutcome {
    const viewers = this.#viewersOf(route);
    this.#refuseWhenFull(route, viewers, id);
    if (this.#hasLeftSince(route, id, ageMs)) return 'waiting';
    const outcome = viewers.heartbeat(id, this.#context.now(), ageMs);
    this.#active.add(route.uid);
    return outcome;
  }

  /** A goodbye; told to the listeners of goodbyes too, because other edges may count the viewer as well. */
  leave(route: Route, id: string): void {
    // The seat goes to somebody else; who comes back asks again.
    const hash = sessionIdHash(id);
    this.#letIn.remove(route.uid, hash);
    const now = this.#context.now();
    this.#channels.get(route.uid)?.viewers.leave(id, now);
    if (route.maxViewers !== undefined) this.#left.add(route.uid, hash, now, now);
    for (const listener of this.#goodbyes) listener(route.uid, hash);
  }

  /** Viewers who said goodbye at another edge, so many seconds ago. */
  leftElsewhere(uid: string, hashes: readonly string[], secondsAgo: number): void {
    const leftAt = this.#context.now() - 1000 * secondsAgo;
    const viewers = this.#channels.get(uid)?.viewers;
    for (const hash of hashes) {
      viewers?.leaveByHash(hash, leftAt);
      this.#letIn.left(uid, hash, leftAt);
    }
  }

  /** Subscribes to goodbyes, of whatever ids; returns the unsubscribe function. */
  onLeave(listener: GoodbyeListener): () => void {
    this.#goodbyes.add(listener);
    return () => this.#goodbyes.delete(listener);
  }

  /**
   * Decides by the counts that this edge knows whether one more viewer may come, without counting anybody. `id` null: a
   * viewer without an id yet.
   * @throws SluiceError as for playlists
   */
  admit(route: Route, id: string | null): void {
    if (route.maxViewers === undefined) return;
    this.#refuseWhenFull(route, this.#viewersOf(route), id, this.#context.wholeCount(keyOf(route)) ?? 0);
  }

  /** Whether an id is counted here, or was let in a moment ago. */
  isIn(route: Route, id: string): boolean {
    if (this.#channels.get(route.uid)?.viewers.isCounted(id) === true) return true;
    return !this.#letIn.isEmpty && this.#letIn.has(route.uid, sessionIdHash(id), this.#context.now());
  }

  /** The operator has a seat for this viewer. */
  letIn(route: Route, id: string): void {
    this.#letIn.add(route.uid, sessionIdHash(id), this.#context.now(), this.letInMs(route));
  }

  /** Hashes of those who came to a channel with a limit and are not counted yet, by the channel's route. */
  *uncounted(): Generator<readonly [Route, readonly string[]]> {
    for (const [uid, { route, viewers }] of this.#channels) {
      if (route.maxViewers === undefined) continue;
      const hashes = new Set([...this.#letIn.of(uid, this.#context.now()), ...viewers.waiting()]);
      const uncounted = [...hashes].filter((hash) => viewers.byHash(hash) === null);
      if (uncounted.length > 0) yield [route, uncounted];
    }
  }

  /** Within this time whoever was let in is counted, or has to ask again: as long as a first request is remembered. */
  letInMs(route: Route): number {
    return Math.min(this.#playlistMs(keyOf(route)), MAX_LET_IN_MS);
  }

  /** Now, in ms, by the clock of all that is counted here. */
  get nowMs(): number {
    return this.#context.now();
  }

  local(uid: string): LocalAudience {
    const viewers = this.#channels.get(uid)?.viewers;
    return viewers === undefined
      ? NOBODY
      : { count: viewers.count, peak: viewers.peak, approximate: viewers.approximate };
  }

  /** Counted viewers of a channel, for a snapshot to the operator. */
  counted(uid: string): Iterable<CountedViewer> {
    return this.#channels.get(uid)?.viewers.counted() ?? [];
  }

  byHash(uid: string, hash: string): CountedViewer | null {
    return this.#channels.get(uid)?.viewers.byHash(hash) ?? null;
  }

  /** Hashes with a sign of life since the last call; always empty unless the route says `reportSigns`. */
  takeSigns(uid: string): readonly string[] {
    return this.#channels.get(uid)?.viewers.takeSigns() ?? [];
  }

  /** A new version of a channel's route. */
  applyRoute(route: Route): void {
    const channel = this.#channels.get(route.uid);
    if (channel === undefined) return;
    channel.route = route;
    channel.viewers.collectSigns(route.reportSigns);
  }

  /** A channel is gone: nobody watches it any more. */
  removeRoute(uid: string): void {
    this.#channels.get(uid)?.viewers.clear();
    this.#channels.delete(uid);
    this.#active.delete(uid);
  }

  /** Forgets viewers without a sign of life; looks only at channels that have any. Called a few times per second. */
  sweep(): void {
    const now = this.#context.now();
    this.#letIn.sweep(now);
    this.#left.sweep(now);
    for (const uid of this.#active) {
      const viewers = this.#channels.get(uid)?.viewers;
      viewers?.expire(now);
      if (viewers === undefined || viewers.empty) this.#active.delete(uid);
    }
  }

  /** Ids in memory, counted or not. */
  get rememberedIds(): number {
    return this.#budget.used;
  }

  #viewersOf(route: Route): ChannelViewers {
    const known = this.#channels.get(route.uid);
    if (known !== undefined) return known.viewers;
    const key = keyOf(route);
    // Nobody would remove it again.
    if (!this.#context.isServed(route.uid)) throw channelUnknown(key);
    const lifetimes = {
      playlistMs: () => this.#playlistMs(key),
      heartbeatMs: () => 1000 * (channel.route.timeoutSeconds + HEARTBEAT_SLACK_SECONDS),
    };
    const viewers: ChannelViewers = new ChannelViewers(lifetimes, this.#budget, (hash) => {
      for (const listener of this.#listeners) listener(route.uid, hash, viewers.count);
    });
    const channel = { route, viewers };
    viewers.collectSigns(route.reportSigns);
    this.#channels.set(route.uid, channel);
    return viewers;
  }

  /** Whether a sign of life of so long ago is of no use: it has waited for an answer, and its viewer has said goodbye. */
  #hasLeftSince(route: Route, id: string, ageMs: number): boolean {
    if (ageMs === 0 || route.maxViewers === undefined) return false;
    return this.#left.hasLeftSince(route.uid, sessionIdHash(id), this.#context.now() - ageMs);
  }

  #playlistMs(key: string): number {
    const targetDuration = this.#context.targetDurationSeconds(key) ?? 0;
    return 1000 * Math.max(PLAYLIST_TARGET_DURATIONS * targetDuration, MINIMUM_PLAYLIST_SECONDS);
  }

  /**
   * Whether an id was minted a moment ago, for whom a first request proves nothing: link previews and probes read one
   * playlist of each kind. Players come back after half a target duration at the earliest (RFC 8216bis 6.3.4): who asks
   * here that late is one, and another edge got the request before.
   */
  #isFresh(route: Route, id: string, requestAgeMs: number): boolean {
    const key = keyOf(route);
    const ageMs = this.#context.mintedAgeMs(key, id);
    const targetDuration = this.#context.targetDurationSeconds(key) ?? ASSUMED_TARGET_DURATION_SECONDS;
    return ageMs !== null && ageMs - requestAgeMs < (1000 * targetDuration) / 2;
  }

  /**
   * Where the operator did not decide. A sign of life may come from somebody whom another edge counts, and nobody is turned
   * away who watches: such ids are judged by the viewers of this edge alone, and only who has not come yet by `others` too.
   */
  #refuseWhenFull(route: Route, viewers: ChannelViewers, id: string | null, others = 0): void {
    if (route.maxViewers === undefined || (id !== null && this.#isKnown(route, id))) return;
    viewers.expire(this.#context.now());
    if (Math.max(viewers.count, others) < route.maxViewers) return;
    throw channelFull(route);
  }

  /** In already, or let in by an edge when it minted the id: nobody is turned away who watches. */
  #isKnown(route: Route, id: string): boolean {
    return this.isIn(route, id) || this.#context.mintedAgeMs(keyOf(route), id) !== null;
  }
}

/** 429 for a viewer of a channel that has as many as it may have. */
export function channelFull(route: Route): SluiceError {
  return new SluiceError(`${keyOf(route)} has as many viewers as it may have (${route.maxViewers}); try again later`, {
    code: 'STREAM_LIMIT_EXCEEDED',
    retryable: true,
    status: 429,
    retryAfterSeconds: LIMIT_RETRY_SECONDS,
  });
}

/** `<namespace>/<name>`, the name of a channel in URLs and between the parts of an edge. */
export function keyOf(route: { readonly namespace: string; readonly name: string }): string {
  return `${route.namespace}/${route.name}`;
}
