import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { type EdgePrograms, until } from './programs.ts';

/** One answer of an edge that was a playlist. */
interface Seen {
  readonly text: string;
  readonly playlist: MediaPlaylist;
}

/** Between two rounds: far more often than players ask. */
const ROUND_MILLISECONDS = 100;
/** An edge that has not seen yet what another one shows must see it within these, on a machine however busy. */
const CATCH_UP_SECONDS = 20;

const endOf = ({ mediaSequence, entries }: MediaPlaylist): number => mediaSequence + entries.length;

/**
 * Asks all edges for one media playlist all the time, and holds what they say against each other: the same bytes at the
 * same numbers, and in the order of the numbers no change that RFC 8216bis 6.2.1 forbids, whoever said it. Beside it
 * plays one viewer who comes to another edge with each request.
 */
export class Witness {
  readonly #path: string;
  readonly #seen = new Map<string, Seen>();
  readonly #last = new Map<EdgePrograms, MediaPlaylist>();
  readonly #refusals = new Map<EdgePrograms, string[]>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<unknown>;
  readonly #edges: EdgePrograms[];
  #moves = 0;
  #waits = 0;
  #longestWaitMilliseconds = 0;

  /** @param path of the media playlist @param edges it asks from now on */
  constructor(path: string, edges: readonly EdgePrograms[]) {
    this.#path = path;
    this.#edges = [...edges];
    this.#watching = Promise.all([this.#poll(), this.#move()]);
    // Who waits for something is told at once.
    this.#watching.catch(() => this.#stopping.abort());
  }

  /** Number behind the newest segment that an edge has listed; 0 before its first playlist. */
  end(edge: EdgePrograms): number {
    const last = this.#last.get(edge);
    return last === undefined ? 0 : endOf(last);
  }

  /** The newest playlist of an edge. */
  newest(edge: EdgePrograms): MediaPlaylist | undefined {
    return this.#last.get(edge);
  }

  /** What an edge has answered instead of a playlist so far. */
  refusals(edge: EdgePrograms): readonly string[] {
    return this.#refusals.get(edge) ?? [];
  }

  /** Does not ask an edge any more that is about to go. */
  forget(edge: EdgePrograms): void {
    this.#edges.splice(this.#edges.indexOf(edge), 1);
  }

  /** Waits until an edge has listed so many segments more than it had, or another one had. */
  async sees(edge: EdgePrograms, segments: number, from = this.end(edge)): Promise<void> {
    await until(`${segments} more segments are listed`, 60, () => {
      this.#stopping.signal.throwIfAborted();
      return this.end(edge) >= from + segments;
    });
  }

  /** Ends. @returns what it has seen. @throws AssertionError for whatever broke a rule */
  async stop(): Promise<string> {
    this.#stopping.abort();
    await this.#watching;
    const versions = [...this.#seen.values()].map(({ playlist }) => playlist);
    versions.sort((one, other) => endOf(one) - endOf(other) || one.mediaSequence - other.mediaSequence);
    for (const [index, playlist] of versions.entries()) {
      assert.deepEqual(playlistViolations(playlist), []);
      const before = versions[index - 1];
      if (before !== undefined) assert.deepEqual(updateViolations(before, playlist), []);
    }
    const waits = `${this.#waits} of them before the edge had heard of it, at most ${Math.round(this.#longestWaitMilliseconds)} ms`;
    return `${versions.length} playlists, the moved player asked ${this.#moves} times, ${waits}`;
  }

  async #poll(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      for (const edge of [...this.#edges]) await this.#ask(edge, 'witness');
      await sleep(ROUND_MILLISECONDS);
    }
  }

  /** Goes from edge to edge as fast as it can; who refuses is left for the next one, as by a Service. */
  async #move(): Promise<void> {
    let before: MediaPlaylist | null = null;
    for (let turn = 0; !this.#stopping.signal.aborted; turn += 1) {
      const edge = this.#edges[turn % this.#edges.length];
      if (edge === undefined) break;
      const playlist = await this.#caughtUp(edge, before);
      if (playlist !== null && before !== null) assert.deepEqual(updateViolations(before, playlist), []);
      before = playlist ?? before;
      this.#moves += 1;
      await sleep(ROUND_MILLISECONDS);
    }
  }

  /** What an edge shows, once it has heard of all that the player has seen elsewhere; null where it shows nothing. */
  async #caughtUp(edge: EdgePrograms, before: MediaPlaylist | null): Promise<MediaPlaylist | null> {
    const from = performance.now();
    for (let asks = 0; ; asks += 1) {
      const playlist = await this.#ask(edge, 'moved');
      const waited = performance.now() - from;
      if (playlist === null || before === null || endOf(playlist) >= endOf(before)) {
        if (asks > 0) {
          this.#waits += 1;
          this.#longestWaitMilliseconds = Math.max(this.#longestWaitMilliseconds, waited);
        }
        return playlist;
      }
      if (!this.#edges.includes(edge) || this.#stopping.signal.aborted) return null;
      assert.ok(waited < CATCH_UP_SECONDS * 1000, `${edge.address} does not show what another edge has shown`);
      await sleep(ROUND_MILLISECONDS / 4);
    }
  }

  async #ask(edge: EdgePrograms, session: string): Promise<MediaPlaylist | null> {
    const asked = await request(`${edge.url}${this.#path}?session=${session}`).catch((error: unknown) => String(error));
    const text = typeof asked === 'string' ? asked : await asked.body.text().catch((error: unknown) => String(error));
    if (typeof asked === 'string' || asked.statusCode !== 200 || !text.startsWith('#EXTM3U')) {
      const refusals = this.#refusals.get(edge) ?? [];
      this.#refusals.set(edge, [...refusals, text.slice(0, 200)]);
      return null;
    }
    return this.#take(edge, text);
  }

  #take(edge: EdgePrograms, text: string): MediaPlaylist {
    const playlist = parseMediaPlaylist(text);
    // A window may shrink at its old end between two segments, and forget a discontinuity then.
    const version = `${playlist.mediaSequence}-${endOf(playlist)}`;
    const same = this.#seen.get(version);
    assert.equal(text, same?.text ?? text, `two playlists ${version}`);
    if (same === undefined) this.#seen.set(version, { text, playlist });
    const before = this.#last.get(edge);
    if (before === undefined || endOf(playlist) >= endOf(before)) this.#last.set(edge, playlist);
    return playlist;
  }
}
