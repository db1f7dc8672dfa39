import type { Route } from '@sluice/common/link/messages.ts';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { ChannelLive, ChannelService } from '../channel/service.ts';
import { ownerUnreachable, type Relay } from '../relay/relay.ts';
import type { Audiences } from '../viewers/audiences.ts';
import { readHeartbeat, readLeave } from './bodies.ts';
import { allowAnyOrigin, sendPreflight } from './cors.ts';
import { channelUnknown, methodNotAllowed, notFound, sendError } from './error-answer.ts';
import type { EventHub } from './event-hub.ts';
import { type ChannelStatus, channelStatus, isActive, streamPath, viewerMode } from './status.ts';

/** What answers to /api need. */
export interface ApiContext {
  readonly channels: ChannelService;
  readonly audiences: Audiences;
  readonly events: EventHub;
  readonly relay: Relay;
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
  /** Whether the operator's counts are fresh: it is connected, or was until a moment ago. */
  readonly operatorFresh: () => boolean;
  /** A viewer cannot reach a Direct source. */
  readonly onSourceError: (uid: string, message: string) => void;
  /** Told of everything that is not the client's fault and not meant for it. */
  readonly onFailure: (thrown: unknown, path: string) => void;
}

/** Heartbeats have about 150 bytes; the rest is room for a source error. */
const BODY_LIMIT = '4kb';
/** The list of all channels is made at most once per second, however many ask. */
const LIST_LIFETIME_MS = 1_000;

/** The viewer API as an express application. All its errors have the one shape. */
export function createApi(context: ApiContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    allowAnyOrigin(response);
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'OPTIONS') sendPreflight(response);
    else next();
  });
  app.use(express.json({ limit: BODY_LIMIT, type: ['application/json', 'text/plain'], strict: true }));
  addAudienceRoutes(app, context);
  addStatusRoutes(app, context);
  app.use((request) => {
    throw notFound(request.path);
  });
  app.use((thrown: unknown, request: Request, response: Response, _next: NextFunction) => {
    if (!isClientsFault(thrown)) context.onFailure(thrown, request.path);
    sendError(response, thrown);
  });
  return app;
}

function addAudienceRoutes(app: Express, context: ApiContext): void {
  app
    .route('/api/stream/heartbeat')
    .post((request, response) => {
      const { channelId, sessionId, sourceError } = readHeartbeat(request.body);
      const { route, activeMode } = liveOf(context, channelId, request);
      if (relayed(context, route, request, response)) return;
      context.audiences.heartbeat(route, sessionId);
      if (sourceError !== undefined && isDirect(route, activeMode)) context.onSourceError(route.uid, sourceError);
      const status = statusOf(context, liveOf(context, channelId, request));
      response.json({
        viewerCount: status.viewerCount,
        mode: viewerMode(activeMode),
        streamUrl: streamPath(route, sessionId),
        nextHeartbeatSeconds: route.heartbeatSeconds,
      });
    })
    .all(onlyMethod('POST'));
  app
    .route('/api/stream/leave')
    .post((request, response) => {
      const { channelId, sessionId } = readLeave(request.body);
      const { route } = liveOf(context, channelId, request);
      if (relayed(context, route, request, response)) return;
      context.audiences.leave(route, sessionId);
      response.status(204).end();
    })
    .all(onlyMethod('POST'));
}

function addStatusRoutes(app: Express, context: ApiContext): void {
  let list: { readonly text: string; readonly at: number } | null = null;
  app
    .route('/api/streams')
    .get((_request, response) => {
      if (list === null || context.now() - list.at >= LIST_LIFETIME_MS) {
        list = { text: JSON.stringify({ streams: activeChannels(context) }), at: context.now() };
      }
      response.type('application/json').send(list.text);
    })
    .all(onlyMethod('GET'));
  for (const path of ['/api/stream/:namespace/:channel', '/api/stream/:channel']) {
    app
      .route(`${path}/status`)
      .get((request, response) => {
        const live = liveOf(context, keyOfRequest(request), request);
        if (!relayed(context, live.route, request, response)) response.json(statusOf(context, live));
      })
      .all(onlyMethod('GET'));
    app
      .route(`${path}/events`)
      .get((request, response) => {
        const key = keyOfRequest(request);
        const live = liveOf(context, key, request);
        if (relayed(context, live.route, request, response, 'events')) return;
        context.events.subscribe(key, statusOf(context, live), response);
      })
      .all(onlyMethod('GET'));
  }
}

function activeChannels(context: ApiContext): ChannelStatus[] {
  return context.channels
    .list()
    .map((live) => statusOf(context, live))
    .filter(isActive);
}

/** `<namespace>/<name>` of the path's parameters; a bare name is in the namespace `default`. */
function keyOfRequest(request: Request): string {
  const { namespace = 'default', channel } = request.params;
  return `${String(namespace)}/${String(channel)}`;
}

/** @throws SluiceError `CHANNEL_UNKNOWN` (404); `OWNER_UNREACHABLE` (503) where another edge knows the channel already */
function liveOf(context: ApiContext, key: string, request: Request): ChannelLive {
  const live = context.channels.live(key);
  if (live === null) throw context.relay.isRelayed(request) ? ownerUnreachable(key) : channelUnknown(key);
  return live;
}

/** Whether another edge answers this request; then nothing is left to do. @throws SluiceError `OWNER_UNREACHABLE` (503) */
function relayed(
  { relay }: ApiContext,
  route: Route,
  request: Request,
  response: Response,
  location?: Parameters<Relay['send']>[2],
): boolean {
  const owner = relay.target(route, request);
  if (owner !== null) relay.send(response, owner, location);
  return owner !== null;
}

function statusOf(context: ApiContext, live: ChannelLive): ChannelStatus {
  return channelStatus(live, context.audiences.local(live.route.uid), context.operatorFresh());
}

/** Only in Direct do viewers fetch from the source themselves. */
function isDirect(route: Route, activeMode: Route['mode']): boolean {
  return activeMode === 'Direct' || route.mode === 'Direct';
}

function onlyMethod(method: string): (request: Request, response: Response) => void {
  return (request, response) => {
    response.setHeader('Allow', `${method}, OPTIONS`);
    throw methodNotAllowed(request.method, method);
  };
}

function isClientsFault(thrown: unknown): boolean {
  return thrown instanceof Error && 'status' in thrown && Number(thrown.status) < 500;
}
