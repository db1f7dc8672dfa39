import { hash } from 'node:crypto';
import type { SourceClient } from './client.ts';
import { MAX_PLAYLIST_BYTES } from './client.ts';
import type { SourceHeaders } from './headers.ts';
import type { SourceMultivariant } from './multivariant.ts';
import { parsePlaylist, type SourcePlaylist } from './parse.ts';
import type { Variables } from './variables.ts';

/** Longest wait for a playlist: three times what a slow one needs, less than the wait of a viewer. */
const PLAYLIST_TIMEOUT_MS = 8_000;

/** How playlists are asked for. */
export interface ReaderOptions {
  readonly client: SourceClient;
  readonly headers: SourceHeaders;
  readonly origin: string;
}

/** What a read has brought: nothing new (304, or the same bytes), or another text. */
export type Read = { readonly kind: 'unchanged' } | SourcePlaylist | SourceMultivariant;

/** Reads one playlist again and again by conditional requests. */
export class PlaylistReader {
  readonly #options: ReaderOptions;
  readonly #uri: string;
  readonly #imports: Variables | null;
  #etag: string | null = null;
  #lastModified: string | null = null;
  /** SHA-256 of the playlist: the text itself may have megabytes, and there may be a thousand channels. */
  #mark = '';
  #allowOrigin: string | null = null;

  /** @param imports variables of the multivariant playlist that names this one; null where none does */
  constructor(options: ReaderOptions, uri: string, imports: Variables | null = null) {
    this.#imports = imports;
    this.#options = options;
    this.#uri = uri;
  }

  /** Access-Control-Allow-Origin of the last answer. */
  get allowOrigin(): string | null {
    return this.#allowOrigin;
  }

  /**
   * Throws the errors of the client and of {@link parsePlaylist}.
   * @param isDue it does not wait for others where the source is far away
   */
  async read(signal: AbortSignal, timeoutMs = PLAYLIST_TIMEOUT_MS, isDue = false): Promise<Read> {
    const { client, headers, origin } = this.#options;
    const answer = await client.read({
      url: this.#uri,
      headers,
      maxBytes: MAX_PLAYLIST_BYTES,
      timeoutMs,
      signal,
      origin,
      isPlaylist: true,
      isDue,
      ...(this.#etag === null ? {} : { etag: this.#etag }),
      ...(this.#lastModified === null ? {} : { lastModified: this.#lastModified }),
    });
    this.#allowOrigin = answer.allowOrigin;
    const mark = answer.status === 304 ? this.#mark : hash('sha256', answer.bytes);
    if (mark === this.#mark && mark !== '') return { kind: 'unchanged' };
    const parsed = parsePlaylist(answer.bytes, answer.url, this.#imports);
    if (parsed.kind === 'multivariant') return parsed;
    this.#etag = answer.etag;
    this.#lastModified = answer.lastModified;
    this.#mark = mark;
    return parsed;
  }
}
