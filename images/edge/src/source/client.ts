import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Dispatcher } from 'undici';
import { type AddressGuard, forbiddenAddress, isForbiddenLiteral } from './address.ts';
import { readBody, saidLength } from './body.ts';
import { ChannelConnections, type ConnectionsParts } from './connections.ts';
import { asSourceError, sourceError } from './errors.ts';
import { headersFor, type SourceHeaders } from './headers.ts';
import { type ByteRange, limitsOf, partOf, type RangeHead } from './range.ts';
import { type Holding, ReadingRoom } from './room.ts';

/** More hops than any CDN needs; a loop ends soon. */
const MAX_REDIRECTS = 5;

/** A playlist of a whole day of 4 s segments with long URLs; more is no live window. */
export const MAX_PLAYLIST_BYTES = 2 * 1024 * 1024;

/** One thing to read from a source. */
export interface SourceRequest {
  readonly url: string;
  /** From the Channel's Secret; see {@link headersFor} for whom they reach. */
  readonly headers: SourceHeaders;
  readonly maxBytes: number;
  /** Limit for the whole answer, redirects included: with `maxBytes` it makes the least speed. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Reads at most `maxBytes` and leaves the rest, instead of failing on a longer body. */
  readonly partial?: boolean;
  /** Of the file, which may be one of many segments. */
  readonly range?: ByteRange;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Sent as Origin, to see whether the answer admits pages of other sites. */
  readonly origin?: string;
  /** Playlists go before everything else that waits for a connection. */
  readonly isPlaylist?: boolean;
  /** It should have been here already, and does not wait for others where the source is far away. */
  readonly isDue?: boolean;
}

/** What a source answered; `bytes` is empty for 304. */
export interface SourceResponse {
  readonly status: 200 | 304;
  readonly bytes: Uint8Array;
  /** The URL that answered, behind all redirects: what relative URLs in the body mean. */
  readonly url: string;
  readonly contentLength: number | null;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly allowOrigin: string | null;
}

/** Reads what tenants' URLs name: bounded in size, time, redirects and reachable addresses. */
export interface SourceClient {
  /**
   * Throws SluiceError SOURCE_URL, SOURCE_FORBIDDEN_ADDRESS, SOURCE_REDIRECTS, SOURCE_NOT_FOUND, SOURCE_HTTP_STATUS, SOURCE_TOO_LARGE,
   * SOURCE_PIECEMEAL, SOURCE_CROWDED_OUT, SOURCE_TIMEOUT or SOURCE_UNREACHABLE, and SEGMENT_BROKEN for another range than asked for.
   */
  read(request: SourceRequest): Promise<SourceResponse>;
  /** Closes all connections. */
  close(): Promise<void>;
}

function parseUrl(text: string, base?: string): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw sourceError('SOURCE_URL', 'The source is no URL; write it like https://host/live/index.m3u8', {
      retryable: false,
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw sourceError('SOURCE_URL', `A source with ${url.protocol}// is not supported; use http or https`, {
      retryable: false,
    });
  }
  return url;
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | null {
  const value = response.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function requestHeaders(options: SourceRequest, url: URL): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'sluice', 'accept-encoding': 'identity' };
  for (const [name, value] of Object.entries(headersFor(options.headers, url))) headers[name.toLowerCase()] = value;
  if (url.username !== '' && headers.authorization === undefined) {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  }
  if (options.range !== undefined) {
    headers.range = `bytes=${options.range.offset}-${options.range.offset + options.range.length - 1}`;
  }
  if (options.etag !== undefined) headers['if-none-match'] = options.etag;
  if (options.lastModified !== undefined) headers['if-modified-since'] = options.lastModified;
  if (options.origin !== undefined) headers.origin = options.origin;
  return headers;
}

/**
 * Leaves the body of an answer that says enough by its head. Nobody waits for it: who sends it byte by byte would make
 * another error of this one, and the request's own time ends it.
 */
function leave({ body }: Dispatcher.ResponseData): void {
  body.dump().catch(() => undefined);
}

async function follow(
  connections: ChannelConnections,
  guard: AddressGuard,
  options: SourceRequest,
  signal: AbortSignal,
): Promise<{ response: Dispatcher.ResponseData; url: URL }> {
  let url = parseUrl(options.url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    if (isForbiddenLiteral(guard, url)) throw forbiddenAddress(url.hostname);
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    const { isPlaylist = false, isDue = false } = options;
    const headers = requestHeaders(options, url);
    const response = await connections.get(bare, headers, { isPlaylist, isDue, signal });
    const location = headerOf(response, 'location');
    if (response.statusCode < 300 || response.statusCode === 304 || response.statusCode >= 400 || location === null) {
      return { response, url: bare };
    }
    leave(response);
    url = parseUrl(location, bare.href);
  }
  throw sourceError('SOURCE_REDIRECTS', `The source redirects more than ${MAX_REDIRECTS} times`);
}

function explain(thrown: unknown, options: SourceRequest, timedOut: boolean): SluiceError {
  if (timedOut && !(thrown instanceof SluiceError)) {
    return sourceError('SOURCE_TIMEOUT', `The source did not answer in full within ${options.timeoutMs / 1000} s`, {
      cause: thrown,
    });
  }
  if (thrown instanceof Error && thrown.cause instanceof SluiceError) return thrown.cause;
  return asSourceError(thrown);
}

async function readOnce(
  connections: ChannelConnections,
  guard: AddressGuard,
  room: ReadingRoom,
  options: SourceRequest,
): Promise<SourceResponse> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const crowding = new AbortController();
  const holding = room.enter((error) => crowding.abort(error));
  const signal = AbortSignal.any([options.signal, timeout, crowding.signal]);
  try {
    const { response, url } = await follow(connections, guard, options, signal);
    const status = response.statusCode;
    const modified = status !== 304;
    if (modified && status !== 200 && !(options.range !== undefined && status === 206)) {
      leave(response);
      const code = status === 404 || status === 410 ? 'SOURCE_NOT_FOUND' : 'SOURCE_HTTP_STATUS';
      throw sourceError(code, `The source answers ${status} for ${url.pathname}`);
    }
    const said = saidLength(headerOf(response, 'content-length'));
    const head = { status, contentRange: headerOf(response, 'content-range') };
    if (!modified) leave(response);
    const bytes = modified ? await readPart(response, said, options, head, holding) : new Uint8Array();
    return {
      status: modified ? 200 : 304,
      bytes,
      url: url.href,
      contentLength: options.range !== undefined && status === 200 ? options.range.length : said,
      etag: headerOf(response, 'etag'),
      lastModified: headerOf(response, 'last-modified'),
      allowOrigin: headerOf(response, 'access-control-allow-origin'),
    };
  } catch (error) {
    throw explain(crowding.signal.aborted ? crowding.signal.reason : error, options, timeout.aborted);
  } finally {
    holding.release();
  }
}

/** Reads a body as far as it was asked for. */
async function readPart(
  response: Dispatcher.ResponseData,
  said: number | null,
  options: SourceRequest,
  head: RangeHead,
  holding: Holding,
): Promise<Uint8Array> {
  try {
    return partOf(await readBody(response.body, said, limitsOf(options, head), holding), options, head);
  } catch (error) {
    // Where nothing of it has been read, too.
    leave(response);
    throw error;
  }
}

/** What a client shares with others, or has otherwise in tests. */
interface ClientParts extends Omit<ConnectionsParts, 'guard'> {
  /** Of its own if left out. */
  readonly room?: ReadingRoom;
}

/** What reads the source of one channel, by connections of its own, closed by `close`. */
export function createSourceClient(
  guard: AddressGuard,
  { room = new ReadingRoom(), ...parts }: ClientParts = {},
): SourceClient {
  const connections = new ChannelConnections({ guard, ...parts });
  return {
    read: (options) => readOnce(connections, guard, room, options),
    close: () => connections.close(),
  };
}
