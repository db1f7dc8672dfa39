import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ChannelLive, ChannelService } from '../channel/service.ts';
import type { Admissions } from '../viewers/admissions.ts';
import type { Audiences } from '../viewers/audiences.ts';
import { cmcdSigns } from '../viewers/cmcd-events.ts';
import { type Heartbeat, plainHeartbeat, readHeartbeat, readLeave } from './bodies.ts';
import { CORS_HEADERS } from './cors.ts';
import { channelUnknown } from './error-answer.ts';
import { bodyTooLarge, parseJson, readJson, readText } from './request-body.ts';
import { streamPath, viewerFigures, viewerMode } from './status.ts';
import type { ViewerRequest } from './viewer-request.ts';

/** What answers to viewers' signs of life need. */
export interface SignsContext {
  readonly channels: ChannelService;
  readonly audiences: Audiences;
  readonly admissions: Admissions;
  /** Whether the operator's counts are fresh: it is connected, or was until a moment ago. */
  readonly operatorFresh: () => boolean;
  /** A viewer cannot reach a Direct source. */
  readonly onSourceError: (uid: string, message: string) => void;
}

/** Gets what is wrong with a request, or went wrong, and answers it. */
export type Refuse = (response: ServerResponse, thrown: unknown) => void;

/** Paths that are answered here. */
export const HEARTBEAT_PATH = '/api/stream/heartbeat';
/** Where viewers say goodbye. */
export const LEAVE_PATH = '/api/stream/leave';

/** Where players send event reports of Common Media Client Data version 2; a bare name is in the namespace `default`. */
const CMCD_PATH = /^\/api\/stream\/(?:([a-z0-9.-]{1,253})\/)?([a-z0-9.-]{1,253})\/cmcd$/;
/** A batch of some hundred reports; nginx lets as much through. */
const REPORTS_LIMIT_BYTES = 64 * 1024;

/** Heartbeats have about 150 bytes; the rest is room for a source error. */
const BODY_LIMIT_BYTES = 4096;

/** Headers of every answer, made once: this is what all viewers ask for again and again. */
const HEADERS: readonly string[] = [...CORS_HEADERS.flat(), 'Cache-Control', 'no-store'];
const JSON_HEADERS: readonly string[] = [...HEADERS, 'Content-Type', 'application/json; charset=utf-8'];

/**
 * Answers heartbeats and goodbyes, which stand beside express because every viewer sends them for as long as it watches.
 * @returns false for every other request, of which nothing was read
 */
export function answerSign(
  context: SignsContext,
  request: ViewerRequest,
  response: ServerResponse,
  refuse: Refuse,
): boolean {
  if (request.method !== 'POST') return false;
  const path = pathOf(request.url ?? '');
  if (path === HEARTBEAT_PATH) {
    request.takeBody(BODY_LIMIT_BYTES, (body) => answerHeartbeat(context, body, response, refuse));
    return true;
  }
  if (path === LEAVE_PATH) {
    answerLeave(context, request, response).catch((thrown: unknown) => refuse(response, thrown));
    return true;
  }
  const [, namespace = 'default', name] = CMCD_PATH.exec(path) ?? [];
  if (name === undefined) return false;
  answerReports(context, `${namespace}/${name}`, request, response).catch((thrown: unknown) =>
    refuse(response, thrown),
  );
  return true;
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}

/** Answers at once where nobody has to be asked for a seat: a promise for each costs a tenth of all that one takes. */
function answerHeartbeat(context: SignsContext, body: Buffer | null, response: ServerResponse, refuse: Refuse): void {
  try {
    if (body === null) throw bodyTooLarge(BODY_LIMIT_BYTES);
    const heartbeat = plainHeartbeat(body.toString('latin1')) ?? readHeartbeat(parseJson(body.toString('utf8')));
    const live = liveOf(context, heartbeat.channelId);
    if (live.route.maxViewers === undefined) {
      countHeartbeat(context, live, heartbeat, response);
      return;
    }
    const cameAtMs = context.audiences.nowMs;
    context.admissions
      .ask(live.route, heartbeat.sessionId, 'watch')
      .then(() => countHeartbeat(context, live, heartbeat, response, context.audiences.nowMs - cameAtMs))
      .catch((thrown: unknown) => refuse(response, thrown));
  } catch (thrown) {
    refuse(response, thrown);
  }
}

function countHeartbeat(
  context: SignsContext,
  live: ChannelLive,
  { sessionId, sourceError }: Heartbeat,
  response: ServerResponse,
  ageMs = 0,
): void {
  const { route, activeMode } = live;
  context.audiences.heartbeat(route, sessionId, ageMs);
  if (sourceError !== undefined && isDirect(live)) context.onSourceError(route.uid, sourceError);
  const { viewerCount } = viewerFigures(live, context.audiences.local(route.uid), context.operatorFresh());
  // Names, modes and session ids are ASCII, without anything that JSON would escape.
  const text = `{"viewerCount":${viewerCount},"mode":"${viewerMode(activeMode)}","streamUrl":"${streamPath(route, sessionId)}","nextHeartbeatSeconds":${route.heartbeatSeconds}}`;
  response.writeHead(200, [...JSON_HEADERS, 'Content-Length', String(text.length)]);
  response.end(text, 'latin1');
}

async function answerLeave(context: SignsContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { channelId, sessionId } = readLeave(await readJson(request, BODY_LIMIT_BYTES));
  const { route } = liveOf(context, channelId);
  context.audiences.leave(route, sessionId);
  response.writeHead(204, [...HEADERS]);
  response.end();
}

/**
 * Event reports of players: as heartbeats, and goodbyes where a player has ended. All sessions are counted that can be,
 * before the answer says that one was refused.
 */
async function answerReports(
  context: SignsContext,
  channelId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const signs = cmcdSigns(await readText(request, REPORTS_LIMIT_BYTES));
  const { route } = liveOf(context, channelId);
  const cameAtMs = context.audiences.nowMs;
  const taken = await Promise.allSettled(
    signs.map(async ({ sessionId, isOver }) => {
      if (isOver) {
        context.audiences.leave(route, sessionId);
        return;
      }
      if (route.maxViewers === undefined) {
        context.audiences.heartbeat(route, sessionId);
        return;
      }
      await context.admissions.ask(route, sessionId, 'watch');
      context.audiences.heartbeat(route, sessionId, context.audiences.nowMs - cameAtMs);
    }),
  );
  const refused = taken.find((one) => one.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
  response.writeHead(204, [...HEADERS]);
  response.end();
}

/** @throws SluiceError `CHANNEL_UNKNOWN` (404) */
function liveOf(context: SignsContext, key: string): ChannelLive {
  const live = context.channels.live(key);
  if (live === null) throw channelUnknown(key);
  return live;
}

/** Only in Direct do viewers fetch from the source themselves. */
function isDirect({ route, activeMode }: ChannelLive): boolean {
  return activeMode === 'Direct' || route.mode === 'Direct';
}
