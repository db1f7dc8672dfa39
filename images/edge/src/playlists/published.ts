import type { Route } from '@sluice/common/link/route.ts';
import type { ChannelService, PlaylistAnswer } from '../channel/service.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { PlaylistFiles } from './files.ts';
import { Popularity } from './popularity.ts';

/** A playlist that was asked for. */
interface Asked {
  readonly popularity: Popularity;
  /** What its requests were counted for; null where it could not be answered at once. */
  answer: PlaylistAnswer | null;
}

/**
 * Decides which playlists are files, so that nginx sends them by itself: those that many viewers ask for. It is told of
 * each request, whoever has answered it, and of each change.
 */
export class PublishedPlaylists {
  readonly #files: Pick<PlaylistFiles, 'put'>;
  readonly #channels: Pick<ChannelService, 'listed'>;
  /** By channel, then by rung. Channels without a route are forgotten, and rungs are those of playlists: it is bounded. */
  readonly #asked = new Map<Route['uid'], Map<string, Asked>>();
  /** Channels that have files. */
  readonly #routes = new Map<Route['uid'], Route>();

  constructor(files: Pick<PlaylistFiles, 'put'>, channels: Pick<ChannelService, 'listed'>) {
    this.#files = files;
    this.#channels = channels;
  }

  /** Whether nginx may send playlists of any channel. */
  get hasAny(): boolean {
    return this.#routes.size > 0;
  }

  /** Whether nginx may send playlists of this channel. */
  hasFiles(uid: string): boolean {
    return this.#routes.has(uid);
  }

  /** So many requests of a playlist were answered. */
  requested(route: Route, rung: string, count: number): void {
    if (!mayBeFiles(route)) return;
    const rungs = this.#asked.get(route.uid) ?? new Map<string, Asked>();
    const asked = rungs.get(rung) ?? { popularity: new Popularity(), answer: null };
    this.#look(route, rung, asked);
    // Rungs that there are not must not fill the memory.
    if (asked.answer === null) return;
    this.#asked.set(route.uid, rungs.set(rung, asked));
    const was = asked.popularity.isFile;
    asked.popularity.requested(count);
    if (was || !asked.popularity.isFile) return;
    this.#routes.set(route.uid, route);
    this.#files.put(nameOf(route, rung), asked.answer.text);
  }

  /** A channel, or its route, has changed; nothing happens where it has no files. */
  renew(route: Route): void {
    if (!this.#routes.has(route.uid)) return;
    this.#routes.set(route.uid, route);
    let hasFiles = false;
    for (const [rung, asked] of this.#asked.get(route.uid) ?? []) {
      if (asked.popularity.isFile) this.#look(route, rung, asked);
      hasFiles ||= asked.popularity.isFile;
    }
    if (!hasFiles) this.#routes.delete(route.uid);
  }

  /** Looks at all files: some end by the clock alone. Called a few times per second. */
  renewAll(): void {
    for (const route of [...this.#routes.values()]) this.renew(route);
  }

  /** A channel is gone. */
  forget(route: Route): void {
    for (const [rung, { popularity }] of this.#asked.get(route.uid) ?? []) {
      if (popularity.isFile) this.#files.put(nameOf(route, rung), null);
    }
    this.#asked.delete(route.uid);
    this.#routes.delete(route.uid);
  }

  /** Brings a playlist up to what a request would get now. */
  #look(route: Route, rung: string, asked: Asked): void {
    const answer = mayBeFiles(route) ? this.#channels.listed(keyOf(route), rung) : null;
    if (answer === asked.answer) return;
    const { popularity } = asked;
    const was = popularity.isFile;
    asked.answer = answer;
    if (answer === null) popularity.ended();
    else popularity.renewed();
    if (was) this.#files.put(nameOf(route, rung), popularity.isFile && answer !== null ? answer.text : null);
  }
}

/**
 * Whether nginx may answer for a channel: it lets everybody in, and its playlists are for viewers, not for shared caches.
 */
function mayBeFiles({ identity, maxViewers }: Route): boolean {
  return identity === 'UrlSession' && maxViewers === undefined;
}

function nameOf(route: Route, rung: string): string {
  return `${keyOf(route)}/${rung}`;
}
