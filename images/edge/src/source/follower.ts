import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import type { SourceClient } from './client.ts';
import { sourceError } from './errors.ts';
import type { SourceHeaders } from './headers.ts';
import { isBehind, withRenditions } from './join.ts';
import { renumbered } from './numbers.ts';
import type { SourcePlaylist } from './parse.ts';
import { PlaylistReader } from './playlist-reader.ts';
import { chooseRenditions, type RenditionChoice } from './renditions.ts';
import { renditionsNow } from './same-rendition.ts';

/** What one look at the source found. */
export interface SourceLook {
  /** Null where the source says that nothing has changed (304, or the same bytes). */
  readonly playlist: SourcePlaylist | null;
  /** What was chosen out of a multivariant source; null where the source is a media playlist. */
  readonly choice: RenditionChoice | null;
  /** The media playlist's Access-Control-Allow-Origin. */
  readonly allowOrigin: string | null;
}

/** Reads one source's playlists again and again, by conditional requests, of the same renditions. */
export interface SourceFollower {
  /** Throws the errors of {@link SourceClient.read} and of `parsePlaylist`. */
  look(signal: AbortSignal): Promise<SourceLook>;
}

/** What a follower reads. */
export interface FollowerOptions {
  readonly client: SourceClient;
  /** The Channel's URL: of a multivariant or of a media playlist. */
  readonly uri: string;
  readonly headers: SourceHeaders;
  /** Sent along to learn whether pages of other sites may read the answer. */
  readonly origin: string;
  /** What is read beside the reference, as the probe has found it; null: nothing has been found out yet. */
  readonly renditions: readonly SourceRendition[] | null;
  /** Newest number that was taken of the source before; null or left out where nothing was. */
  readonly shownMsn?: number | null;
}

/**
 * Longest wait in ms for a rendition that could not be read the last time: the reference, which all viewers need, is looked at
 * no sooner.
 */
const FAILING_TIMEOUT_MS = 2_000;

/** Looks in a row without news of a rendition after which it ends with the reference, whatever it says itself. */
const LAST_LOOKS = 5;

/** A rendition beside the reference: its playlist as it was read last; null before. */
interface Beside {
  readonly reader: PlaylistReader;
  /** Of its numbers against the reference's, as the probe has found it. */
  readonly msnOffset: number;
  newest: SourcePlaylist | null;
  failed: boolean;
  /** Looks in a row that have brought nothing. */
  idleLooks: number;
}

/** A source that ends may take the playlists of its renditions away, or not end all of them: nobody waits for those. */
function listedBy({ newest, idleLooks }: Beside, reference: SourcePlaylist): SourcePlaylist | null {
  const isOver = reference.ended && idleLooks >= LAST_LOOKS;
  return newest !== null && isOver ? { ...newest, ended: true } : newest;
}

/** Follows one rendition, and those beside it. */
class Follower implements SourceFollower {
  readonly #options: FollowerOptions;
  #reference: PlaylistReader;
  #choice: RenditionChoice | null = null;
  #beside: ReadonlyMap<string, Beside> = new Map();
  /** The reference as it was read last, where others have to be joined with it. */
  #playlist: SourcePlaylist | null = null;
  /** Rungs of the renditions that the source no longer names. */
  #missing: readonly string[] = [];
  /** What was told of the joined playlist, and its newest number. */
  #told = '';
  #shownMsn: number;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#shownMsn = options.shownMsn ?? Number.NEGATIVE_INFINITY;
    this.#reference = new PlaylistReader(options, options.uri);
  }

  async look(signal: AbortSignal): Promise<SourceLook> {
    try {
      return await this.#look(signal);
    } catch (error) {
      // The rendition's URL may have a token that has run out: begin again at the Channel's URL.
      this.#begin(this.#options.uri, null);
      throw error;
    }
  }

  async #look(signal: AbortSignal): Promise<SourceLook> {
    const { renditions } = this.#options;
    let read = await this.#reference.read(signal);
    if (read.kind === 'multivariant') {
      const choice = chooseRenditions(read, renditions === null || renditions.some(({ kind }) => kind === 'Audio'));
      this.#begin(choice.reference.uri, choice);
      read = await this.#reference.read(signal);
      if (read.kind === 'multivariant') {
        throw sourceError('PLAYLIST_INVALID', 'A multivariant playlist names another multivariant playlist');
      }
    }
    const found = { choice: this.#choice, allowOrigin: this.#reference.allowOrigin };
    const fresh = read.kind === 'unchanged' ? null : read;
    if (renditions === null || renditions.length === 0) return { ...found, playlist: fresh };
    const playlist = fresh ?? this.#playlist;
    this.#playlist = playlist;
    if (playlist === null) return { ...found, playlist: null };
    const joined = await this.#join(playlist, read.kind !== 'unchanged', signal);
    const told = JSON.stringify(joined.segments.map(({ msn, uri, beside }) => [msn, uri, Object.keys(beside ?? {})]));
    const unchanged = read.kind === 'unchanged' && told === this.#told;
    this.#told = told;
    this.#shownMsn = joined.segments.at(-1)?.msn ?? this.#shownMsn;
    return { ...found, playlist: unchanged ? null : joined };
  }

  #begin(uri: string, choice: RenditionChoice | null): void {
    const renditions = this.#options.renditions ?? [];
    this.#choice = choice;
    this.#playlist = null;
    const imports = choice?.variables ?? null;
    this.#reference = new PlaylistReader(this.#options, uri, imports);
    const followed = choice === null ? [] : [...renditionsNow(renditions, choice.candidates)];
    const offsets = new Map(renditions.map(({ name, msnOffset = 0 }) => [name, msnOffset]));
    this.#beside = new Map(
      followed.flatMap(([rung, one]) => {
        if (one === null) return [];
        const reader = new PlaylistReader(this.#options, one.uri, imports);
        return [[rung, { reader, msnOffset: offsets.get(rung) ?? 0, newest: null, failed: false, idleLooks: 0 }]];
      }),
    );
    this.#missing = renditions.map(({ name }) => name).filter((name) => !this.#beside.has(name));
    this.#told = '';
  }

  /** One that cannot be read leaves its playlist as it was: the channel goes on without it. */
  async #join(playlist: SourcePlaylist, changed: boolean, signal: AbortSignal): Promise<SourcePlaylist> {
    const due = [...this.#beside.values()].filter(({ newest }) => changed || isBehind(playlist, newest));
    await Promise.all(due.map((one) => this.#refresh(one, signal)));
    const others = [...this.#beside].map(([rung, one]) => [rung, listedBy(one, playlist)] as const);
    const missing = this.#missing.map((rung) => [rung, null] as const);
    return withRenditions(playlist, new Map([...others, ...missing]), this.#shownMsn);
  }

  async #refresh(one: Beside, signal: AbortSignal): Promise<void> {
    const timeoutMs = one.failed ? FAILING_TIMEOUT_MS : undefined;
    // A channel that has just woken cannot begin without it.
    const isDue = one.newest === null && !one.failed;
    const read = await one.reader.read(signal, timeoutMs, isDue).catch(() => null);
    one.failed = read === null;
    one.idleLooks = read?.kind === 'media' ? 0 : one.idleLooks + 1;
    if (read?.kind === 'media') one.newest = renumbered(read, one.msnOffset);
  }
}

/** A follower of a source. */
export function createFollower(options: FollowerOptions): SourceFollower {
  return new Follower(options);
}
