import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { ChannelService } from '../channel/service.ts';
import { type Audiences, keyOf } from '../viewers/audiences.ts';
import { sessionIdHash } from '../viewers/session-id.ts';
import type { AnsweredPoll } from './poll-log.ts';
import type { PublishedPlaylists } from './published.ts';

/** Polls are read at most this long after they were answered, unless the machine stands still. */
const LATEST_MS = 3_000;
/** Goodbyes that are remembered, about 150 bytes each; beyond it the oldest go. */
export const MAX_GOODBYES = 20_000;

/** What the polls that nginx has answered are told to. */
export interface PollsContext {
  readonly routes: { byKey(key: string): Route | null };
  readonly audiences: Pick<Audiences, 'playlistRequest'>;
  readonly channels: Pick<ChannelService, 'asked'>;
  readonly published: Pick<PublishedPlaylists, 'requested' | 'hasFiles'>;
  /** Milliseconds since the epoch, by the clock that nginx has, too. */
  readonly wallNow: () => number;
}

/**
 * Counts the polls that nginx has answered, as if they had come to the sidecar. They are heard of a moment later: a
 * viewer who has said goodbye meanwhile does not come back by them.
 */
export class AnsweredPolls {
  readonly #context: PollsContext;
  /** When viewers said goodbye, in that order, by `<uid> <hash>`. */
  readonly #goodbyes = new Map<string, number>();

  constructor(context: PollsContext) {
    this.#context = context;
  }

  /** A viewer, by the hash of its id, has said goodbye so many seconds ago. */
  left(uid: string, hash: string, secondsAgo = 0): void {
    if (!this.#context.published.hasFiles(uid)) return;
    const name = `${uid} ${hash}`;
    const at = this.#context.wallNow() - secondsAgo * 1000;
    // One that is told again does not undo a later one.
    const known = this.#goodbyes.get(name) ?? Number.NEGATIVE_INFINITY;
    this.#goodbyes.delete(name);
    this.#goodbyes.set(name, Math.max(known, at));
    // Polls, which make room otherwise, may stay away.
    const [oldest] = this.#goodbyes.size > MAX_GOODBYES ? this.#goodbyes.keys() : [];
    if (oldest !== undefined) this.#goodbyes.delete(oldest);
  }

  /** Goodbyes in memory. */
  get rememberedGoodbyes(): number {
    return this.#goodbyes.size;
  }

  /** These were answered. */
  take(polls: readonly AnsweredPoll[]): void {
    this.#forgetGoodbyes();
    const requests = new Map<string, { readonly route: Route; readonly rung: string; count: number }>();
    for (const { key, rung, session, atMs } of polls) {
      const route = this.#context.routes.byKey(key);
      if (route === null) continue;
      const name = `${key}/${rung}`;
      const request = requests.get(name) ?? { route, rung, count: 0 };
      request.count += 1;
      requests.set(name, request);
      if (!this.#hasLeft(route, session, atMs)) this.#count(route, session, atMs);
    }
    for (const { route, rung, count } of requests.values()) {
      this.#context.channels.asked(keyOf(route), rung);
      this.#context.published.requested(route, rung, count);
    }
  }

  #count(route: Route, session: string, atMs: number): void {
    try {
      this.#context.audiences.playlistRequest(route, session, Math.max(0, this.#context.wallNow() - atMs));
    } catch (thrown) {
      // The channel has got a limit, or was removed, since: nobody is left to be refused.
      if (!(thrown instanceof SluiceError)) throw thrown;
    }
  }

  #hasLeft(route: Route, session: string, atMs: number): boolean {
    if (this.#goodbyes.size === 0) return false;
    return atMs <= (this.#goodbyes.get(`${route.uid} ${sessionIdHash(session)}`) ?? Number.NEGATIVE_INFINITY);
  }

  #forgetGoodbyes(): void {
    const now = this.#context.wallNow();
    for (const [name, at] of this.#goodbyes) {
      // A clock that was set back must not keep them for ever.
      if (Math.abs(now - at) <= LATEST_MS) break;
      this.#goodbyes.delete(name);
    }
  }
}
