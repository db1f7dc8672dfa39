import { hash } from 'node:crypto';
import type { SourceClient } from './client.ts';
import { MAX_PLAYLIST_BYTES } from './client.ts';
import { sourceError } from './errors.ts';
import type { SourceHeaders } from './headers.ts';
import { chooseVariant, parsePlaylist, type SourcePlaylist, type SourceVariant } from './parse.ts';

/** Longest wait for a playlist: three times what a slow one needs, less than the wait of a viewer. */
const PLAYLIST_TIMEOUT_MS = 8_000;

/** What one look at the source found. */
export interface SourceLook {
  /** Null where the source says that nothing has changed (304, or the same bytes). */
  readonly playlist: SourcePlaylist | null;
  /** The rendition chosen out of a multivariant source; null where the source is a media playlist. */
  readonly variant: SourceVariant | null;
  /** The media playlist's Access-Control-Allow-Origin. */
  readonly allowOrigin: string | null;
}

/** Reads one source's playlist again and again, by conditional requests, from the same rendition. */
export interface SourceFollower {
  /** Throws the errors of {@link SourceClient.read} and of {@link parsePlaylist} and SOURCE_UNSUPPORTED. */
  look(signal: AbortSignal): Promise<SourceLook>;
}

interface FollowerState {
  url: string;
  variant: SourceVariant | null;
  etag: string | null;
  lastModified: string | null;
  /** SHA-256 of the playlist: the text itself may have megabytes, and there may be a thousand channels. */
  mark: string;
}

/** A follower of `uri`; `origin` is sent along to learn whether pages of other sites may read the answer. */
export function createFollower(
  client: SourceClient,
  uri: string,
  headers: SourceHeaders,
  origin: string,
): SourceFollower {
  const fresh = (url: string, variant: SourceVariant | null): FollowerState => ({
    url,
    variant,
    etag: null,
    lastModified: null,
    mark: '',
  });
  let state = fresh(uri, null);

  const look = async (signal: AbortSignal, depth: number): Promise<SourceLook> => {
    const answer = await client.read({
      url: state.url,
      headers,
      maxBytes: MAX_PLAYLIST_BYTES,
      timeoutMs: PLAYLIST_TIMEOUT_MS,
      signal,
      origin,
      ...(state.etag === null ? {} : { etag: state.etag }),
      ...(state.lastModified === null ? {} : { lastModified: state.lastModified }),
    });
    const mark = answer.status === 304 ? state.mark : hash('sha256', answer.bytes);
    if (mark === state.mark && mark !== '') {
      return { playlist: null, variant: state.variant, allowOrigin: answer.allowOrigin };
    }
    const parsed = parsePlaylist(answer.bytes, answer.url);
    if (parsed.kind === 'multivariant') {
      if (depth > 0)
        throw sourceError('PLAYLIST_INVALID', 'A multivariant playlist names another multivariant playlist');
      const variant = chooseVariant(parsed);
      state = fresh(variant.uri, variant);
      return look(signal, depth + 1);
    }
    state = { ...state, etag: answer.etag, lastModified: answer.lastModified, mark };
    return { playlist: parsed, variant: state.variant, allowOrigin: answer.allowOrigin };
  };

  return {
    look: async (signal) => {
      try {
        return await look(signal, 0);
      } catch (error) {
        // The rendition's URL may have a token that has run out: begin again at the Channel's URL.
        state = fresh(uri, null);
        throw error;
      }
    },
  };
}
