import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { ChannelService, PlaylistAnswer } from '../channel/service.ts';
import type { RouteTable } from '../routes/table.ts';
import type { Admissions } from '../viewers/admissions.ts';
import { type Audiences, keyOf } from '../viewers/audiences.ts';
import { isAutomated } from '../viewers/automated.ts';
import { cmcdSessionId } from '../viewers/cmcd.ts';
import { checkSessionId, SESSION_ID_PATTERN, type SessionIds } from '../viewers/session-id.ts';
import { allowAnyOrigin, CORS_HEADERS, sendPreflight } from './cors.ts';
import { channelUnknown, methodNotAllowed, notFound, sendError } from './error-answer.ts';
import { PassingBytes } from './passing-bytes.ts';

/** What answers to /live need. */
export interface LiveParts {
  readonly routes: RouteTable;
  readonly channels: ChannelService;
  readonly audiences: Audiences;
  readonly admissions: Admissions;
  readonly sessionIds: SessionIds;
  /** Told of each media playlist that a viewer has got. */
  readonly onPlaylist: (route: Route, rung: string) => void;
  /** Told of everything that is not the client's fault and not meant for it. */
  readonly onFailure: (thrown: unknown, path: string) => void;
}

interface LiveContext extends LiveParts {
  readonly passing: PassingBytes;
}

const PLAYLIST_PATH = /^\/live\/([a-z0-9.-]{1,253})\/([a-z0-9.-]{1,253})\/([a-z0-9-]{1,32})\.m3u8$/;
/** Names of stored files (timeline/names.ts): nothing else is looked for, here or elsewhere. */
const SEGMENT_PATH =
  /^\/live\/([a-z0-9.-]{1,253})\/([a-z0-9.-]{1,253})\/(s\/[\w.-]{1,24}\/[a-z0-9-]{1,32}\/[\w.]{1,64})$/;
/** A query that is a session id alone. */
const PLAIN_SESSION = new RegExp(`^[^?]*\\?session=(${SESSION_ID_PATTERN})$`);
/** A media playlist as viewers poll it. */
const PLAIN_POLL = new RegExp(
  `^/live/([a-z0-9.-]+/[a-z0-9.-]+)/([a-z0-9-]+)\\.m3u8\\?session=(${SESSION_ID_PATTERN})$`,
);
const MULTIVARIANT = 'index';
const ALLOWED_METHODS = 'GET, HEAD, OPTIONS';
/** What every playlist has; its type by RFC 8216bis 4. */
const PLAYLIST_HEADERS: readonly string[] = [...CORS_HEADERS.flat(), 'Content-Type', 'application/vnd.apple.mpegurl'];

/**
 * Answers everything below /live that nginx does not find as a file. This is the hot path (every viewer, once per
 * target duration), so it stands beside express instead of inside it.
 */
export function createLiveHandler(parts: LiveParts): (request: IncomingMessage, response: ServerResponse) => void {
  const context = { ...parts, passing: new PassingBytes() };
  return (request, response) => {
    if (request.method === 'GET' && answerAtOnce(context, request, response)) return;
    if (request.method === 'OPTIONS') {
      allowAnyOrigin(response);
      sendPreflight(response);
      return;
    }
    answer(context, request, response).catch((thrown: unknown) => {
      if (!(thrown instanceof SluiceError) && !response.destroyed) context.onFailure(thrown, pathOf(request));
      if (!response.headersSent) allowAnyOrigin(response);
      sendError(response, thrown);
    });
  };
}

/**
 * Answers a poll of a viewer where nothing has to be waited for or asked of anybody: what nearly all requests are.
 * @returns whether it has; false where nothing has happened yet
 */
function answerAtOnce(context: LiveContext, request: IncomingMessage, response: ServerResponse): boolean {
  const [, key = '', rung = '', session = ''] = PLAIN_POLL.exec(request.url ?? '') ?? [];
  const route = rung === '' ? null : context.routes.byKey(key);
  if (route === null || route.maxViewers !== undefined || isAutomated(request.headers)) return false;
  const playlist = context.channels.listed(key, rung);
  if (playlist === null) return false;
  context.audiences.playlistRequest(route, session);
  context.channels.asked(key, rung);
  sendPlaylist(request, response, playlist, mediaCacheControl(route, playlist));
  context.onPlaylist(route, rung);
  return true;
}

async function answer(context: LiveContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', ALLOWED_METHODS);
    throw methodNotAllowed(request.method, ALLOWED_METHODS);
  }
  const playlist = PLAYLIST_PATH.exec(path);
  const [, namespace = '', name = '', what = ''] = playlist ?? SEGMENT_PATH.exec(path) ?? [];
  if (what === '') throw notFound(path);
  const key = `${namespace}/${name}`;
  const route = context.routes.byKey(key);
  if (route === null) throw channelUnknown(key);
  if (playlist !== null) await answerPlaylist(context, { route, rung: what }, request, response);
  else await answerSegment(context, key, what, request, response);
}

/** Type of a stored file by the end of its name, as nginx has it. */
const SEGMENT_TYPES: Readonly<Record<string, string>> = { ts: 'video/mp2t', m4s: 'video/mp4', mp4: 'video/mp4' };

/**
 * A segment that was no file a moment ago: when it is one, nginx looks again and sends it. One that found no room on this
 * edge is sent as it came.
 */
async function answerSegment(
  context: LiveContext,
  key: string,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await context.channels.segment(key, name);
  if (bytes !== null) {
    sendSegment(context.passing, request, response, { name, bytes });
    return;
  }
  response.setHeader('X-Accel-Redirect', pathOf(request));
  response.writeHead(200, { 'Content-Length': 0 }).end();
}

/** Sends bytes that are not stored, with the headers that nginx gives to those that are. */
function sendSegment(
  passing: PassingBytes,
  request: IncomingMessage,
  response: ServerResponse,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
): void {
  if (response.destroyed) return;
  response.once('close', passing.begin(bytes));
  allowAnyOrigin(response);
  response.writeHead(200, {
    'Content-Type': SEGMENT_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    'Content-Length': bytes.length,
    'Cache-Control': 'public, max-age=31536000, immutable',
    'X-Content-Type-Options': 'nosniff',
    // nginx would keep what a slow client has not taken yet on the disk.
    'X-Accel-Buffering': 'no',
  });
  if (request.method === 'HEAD') response.end();
  else response.end(bytes);
}

/** The playlist of a channel, for a viewer who is counted here. */
async function answerPlaylist(
  context: LiveContext,
  { route, rung }: { readonly route: Route; readonly rung: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const key = keyOf(route);
  const session = sessionOf(request);
  const signal = abortedWith(response);
  const isViewer = request.method === 'GET' && !isAutomated(request.headers);
  if (rung === MULTIVARIANT) {
    const query = await identify(context, route, session, isViewer);
    const playlist = await context.channels.multivariant(key, query, signal);
    // Never stored: it is where ids are handed out and where a full channel refuses.
    sendPlaylist(request, response, playlist, 'no-store');
  } else {
    if (isViewer && session !== null && hasRung(route, rung)) {
      const cameAtMs = context.audiences.nowMs;
      if (route.maxViewers !== undefined) await context.admissions.ask(route, session, 'watch');
      context.audiences.playlistRequest(route, session, context.audiences.nowMs - cameAtMs);
    }
    const playlist = await context.channels.media(key, rung, signal);
    sendPlaylist(request, response, playlist, mediaCacheControl(route, playlist));
    // Its channel may have got a limit, or have gone, while the request waited.
    const current = context.routes.byUid(route.uid);
    if (isViewer && current !== null) context.onPlaylist(current, rung);
  }
}

/**
 * The query that the multivariant playlist hands on: the client's own id, or a minted one; none where ids must stay out
 * of URLs. @throws SluiceError `STREAM_LIMIT_EXCEEDED` (429) where the channel is full and the id is not counted
 */
async function identify(
  context: LiveContext,
  route: Route,
  session: string | null,
  isViewer: boolean,
): Promise<string> {
  const isNameless = route.identity === 'HeartbeatOnly';
  const id = isNameless ? session : (session ?? context.sessionIds.mint(keyOf(route)));
  // Probes and programs take no seat.
  const asks = isViewer && id !== null && route.maxViewers !== undefined;
  const isDecided = asks && (await context.admissions.ask(route, id, 'look'));
  if (!isDecided) context.audiences.admit(route, session);
  return isNameless ? '' : `session=${id}`;
}

/** The id that a request carries: `session` in the query, else CMCD's `sid`. @throws SluiceError `SESSION_INVALID` (400) */
function sessionOf(request: IncomingMessage): string | null {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  const plain = mark < 0 ? undefined : PLAIN_SESSION.exec(url)?.[1];
  // What the multivariant playlist has handed out needs no parser.
  if (plain !== undefined) return plain;
  const query = mark < 0 ? null : new URLSearchParams(url.slice(mark + 1));
  const session = query?.get('session') ?? null;
  if (session !== null) return checkSessionId(session);
  return cmcdSessionId(query, request.headers['cmcd-session']);
}

/**
 * With ids in URLs each poll must reach an edge, or the viewer would not be seen. Without them a shared cache may keep
 * the playlist for as long as the media side says (half a target duration).
 */
function mediaCacheControl(route: Route, playlist: PlaylistAnswer): string {
  if (route.identity === 'UrlSession') return 'no-cache';
  const seconds = Math.floor(playlist.maxAgeSeconds);
  return seconds > 0 ? `public, max-age=${seconds}` : 'no-store';
}

function hasRung(route: Route, rung: string): boolean {
  return rung === 'source' || route.ladder.some(({ name }) => name === rung);
}

function sendPlaylist(
  request: IncomingMessage,
  response: ServerResponse,
  playlist: PlaylistAnswer,
  cacheControl: string,
): void {
  if (response.destroyed) return;
  // In one piece: a header at a time costs as much as the rest of the answer.
  const bytes = Buffer.byteLength(playlist.text);
  const length = String(bytes);
  response.writeHead(200, [...PLAYLIST_HEADERS, 'Content-Length', length, 'Cache-Control', cacheControl]);
  // A text of ASCII alone, as nearly all are, needs no conversion.
  const encoding = bytes === playlist.text.length ? 'latin1' : 'utf8';
  if (request.method === 'HEAD') response.end();
  else response.end(playlist.text, encoding);
}

/** Aborts what is done for a client who hangs up. Making the error is dear: not for those who got their answer. */
function abortedWith(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}
