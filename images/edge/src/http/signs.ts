import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '@sluice/common/link/messages.ts';
import type { ChannelLive, ChannelService } from '../channel/service.ts';
import { ownerUnreachable, type Relay } from '../relay/relay.ts';
import type { Admissions } from '../viewers/admissions.ts';
import type { Audiences } from '../viewers/audiences.ts';
import { readHeartbeat, readLeave } from './bodies.ts';
import { CORS_HEADERS } from './cors.ts';
import { channelUnknown } from './error-answer.ts';
import { readJson } from './request-body.ts';
import { streamPath, viewerFigures, viewerMode } from './status.ts';

/** What answers to viewers' signs of life need. */
export interface SignsContext {
  readonly channels: ChannelService;
  readonly audiences: Audiences;
  readonly admissions: Admissions;
  readonly relay: Relay;
  /** Whether the operator's counts are fresh: it is connected, or was until a moment ago. */
  readonly operatorFresh: () => boolean;
  /** A viewer cannot reach a Direct source. */
  readonly onSourceError: (uid: string, message: string) => void;
}

/** Paths that are answered here. */
export const HEARTBEAT_PATH = '/api/stream/heartbeat';
export const LEAVE_PATH = '/api/stream/leave';

/** Heartbeats have about 150 bytes; the rest is room for a source error. */
const BODY_LIMIT_BYTES = 4096;

/** Headers of every answer, made once: this is what all viewers ask for again and again. */
const HEADERS: readonly string[] = [...CORS_HEADERS.flat(), 'Cache-Control', 'no-store'];

/**
 * Answers heartbeats and goodbyes, which stand beside express because every viewer sends them for as long as it watches.
 * @returns null for every other request. The promise rejects with what is wrong with the request, or went wrong
 */
export function answerSign(
  context: SignsContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> | null {
  if (request.method !== 'POST') return null;
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  if (path === HEARTBEAT_PATH) return answerHeartbeat(context, request, response);
  return path === LEAVE_PATH ? answerLeave(context, request, response) : null;
}

async function answerHeartbeat(
  context: SignsContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { channelId, sessionId, sourceError } = readHeartbeat(await readJson(request, BODY_LIMIT_BYTES));
  const live = liveOf(context, channelId, request);
  const { route, activeMode } = live;
  if (relayed(context, route, request, response)) return;
  if (route.maxViewers !== undefined) await context.admissions.ask(route, sessionId);
  context.audiences.heartbeat(route, sessionId);
  if (sourceError !== undefined && isDirect(live)) context.onSourceError(route.uid, sourceError);
  const { viewerCount } = viewerFigures(live, context.audiences.local(route.uid), context.operatorFresh());
  const text = JSON.stringify({
    viewerCount,
    mode: viewerMode(activeMode),
    streamUrl: streamPath(route, sessionId),
    nextHeartbeatSeconds: route.heartbeatSeconds,
  });
  const type = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(Buffer.byteLength(text))];
  response.writeHead(200, [...HEADERS, ...type]);
  response.end(text);
}

async function answerLeave(context: SignsContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { channelId, sessionId } = readLeave(await readJson(request, BODY_LIMIT_BYTES));
  const { route } = liveOf(context, channelId, request);
  if (relayed(context, route, request, response)) return;
  context.audiences.leave(route, sessionId);
  response.writeHead(204, [...HEADERS]);
  response.end();
}

/** @throws SluiceError `CHANNEL_UNKNOWN` (404); `OWNER_UNREACHABLE` (503) where another edge knows the channel already */
function liveOf(context: SignsContext, key: string, request: IncomingMessage): ChannelLive {
  const live = context.channels.live(key);
  if (live === null) throw context.relay.isRelayed(request) ? ownerUnreachable(key) : channelUnknown(key);
  return live;
}

/** Whether another edge answers this request; then nothing is left to do. @throws SluiceError `OWNER_UNREACHABLE` (503) */
function relayed({ relay }: SignsContext, route: Route, request: IncomingMessage, response: ServerResponse): boolean {
  const owner = relay.target(route, request);
  if (owner !== null) relay.send(response, owner);
  return owner !== null;
}

/** Only in Direct do viewers fetch from the source themselves. */
function isDirect({ route, activeMode }: ChannelLive): boolean {
  return activeMode === 'Direct' || route.mode === 'Direct';
}
