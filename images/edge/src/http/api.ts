import type { ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { ChannelLive } from '../channel/service.ts';
import { allowAnyOrigin, sendPreflight } from './cors.ts';
import { channelUnknown, methodNotAllowed, notFound, sendError } from './error-answer.ts';
import type { EventHub } from './event-hub.ts';
import { answerSign, HEARTBEAT_PATH, LEAVE_PATH, type SignsContext } from './signs.ts';
import { type ChannelStatus, channelStatus, isActive } from './status.ts';
import type { ViewerRequest } from './viewer-request.ts';

/** What answers to /api need. */
export interface ApiContext extends SignsContext {
  readonly events: EventHub;
  /** Somebody asks for the status of this channel. Resolves when its count is as fresh as can be; never rejects. */
  readonly onAsked: (route: Route) => Promise<void>;
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
  /** Told of everything that is not the client's fault and not meant for it. */
  readonly onFailure: (thrown: unknown, path: string) => void;
}

/** The list of all channels is made at most once per second, however many ask. */
const LIST_LIFETIME_MS = 1_000;

/** The viewer API: what viewers send all the time at once, everything else by express. All its errors have the one shape. */
export function createApi(context: ApiContext): (request: ViewerRequest, response: ServerResponse) => void {
  const app = createExpress(context);
  const refuse = (response: ServerResponse, thrown: unknown): void => {
    if (!(thrown instanceof SluiceError)) context.onFailure(thrown, 'a sign of life');
    if (!response.headersSent) allowAnyOrigin(response);
    sendError(response, thrown);
  };
  return (request, response) => {
    if (!answerSign(context, request, response, refuse)) app(request, response);
  };
}

function createExpress(context: ApiContext): Express {
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
  for (const path of [HEARTBEAT_PATH, LEAVE_PATH]) app.all(path, onlyMethod('POST'));
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
      .get(async (request, response) => {
        const key = keyOfRequest(request);
        await context.onAsked(liveOf(context, key).route);
        response.json(statusOf(context, liveOf(context, key)));
      })
      .all(onlyMethod('GET'));
    app
      .route(`${path}/events`)
      .get((request, response) => {
        const key = keyOfRequest(request);
        const live = liveOf(context, key);
        void context.onAsked(live.route);
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

/** @throws SluiceError `CHANNEL_UNKNOWN` (404) */
function liveOf(context: ApiContext, key: string): ChannelLive {
  const live = context.channels.live(key);
  if (live === null) throw channelUnknown(key);
  return live;
}

function statusOf(context: ApiContext, live: ChannelLive): ChannelStatus {
  return channelStatus(live, context.audiences.local(live.route.uid), context.operatorFresh());
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
