import type { RequestListener, Server } from 'node:http';
import type { Route } from '@sluice/common/link/route.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import { isOwner } from './channel/mode.ts';
import type { ChannelService } from './channel/service.ts';
import type { EdgeConfig } from './config.ts';
import { type ApiContext, createApi } from './http/api.ts';
import { EventHub } from './http/event-hub.ts';
import { createLiveHandler, type LiveParts } from './http/live.ts';
import { createViewerServer } from './http/server.ts';
import { channelStatus } from './http/status.ts';
import { Downlink } from './link/downlink.ts';
import type { LinkKeys } from './link/keys.ts';
import { LinkServer } from './link/server.ts';
import { StoredTerm } from './link/stored-term.ts';
import { Uplink } from './link/uplink.ts';
import { Watches } from './link/watches.ts';
import { readCounters } from './load/counters.ts';
import { LoadReporter } from './load/reporter.ts';
import { STATUS_PATH } from './nginx/render.ts';
import { registerEdgeMetrics } from './operations/edge-metrics.ts';
import { NginxPlaylists } from './playlists/nginx-playlists.ts';
import type { FeedServer } from './replication/socket.ts';
import { RouteKeeper } from './routes/stored-routes.ts';
import { RouteTable } from './routes/table.ts';
import { Admissions } from './viewers/admissions.ts';
import { Audiences, keyOf } from './viewers/audiences.ts';
import { createSessionIds, type SessionIds } from './viewers/session-id.ts';

/** Everything an edge is made of that its caller may want to replace. */
export interface EdgeParts {
  readonly config: EdgeConfig;
  readonly keys: LinkKeys;
  readonly channels: ChannelService;
  /** Serves the internal port. */
  readonly work: RequestListener;
  /** Serves the edges that follow channels of this one, on the same port. */
  readonly replication: FeedServer;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number;
}

/** The connected parts of an edge, before any port is open. */
export interface Front {
  readonly routes: RouteTable;
  readonly audiences: Audiences;
  readonly admissions: Admissions;
  readonly watches: Watches;
  /** At rest until it is started. */
  readonly load: LoadReporter;
  readonly uplink: Uplink;
  readonly events: EventHub;
  readonly keeper: RouteKeeper;
  readonly playlists: NginxPlaylists;
  readonly link: LinkServer;
  /** The server behind nginx. */
  readonly viewers: Server;
}

/** What the ports are built on. */
type Core = Omit<Front, 'link' | 'viewers'>;

/** Connects the parts of an edge; opens nothing. @param onSnapshot called when the operator has named all channels */
export function createFront(parts: EdgeParts, onSnapshot: () => void): Front {
  const sessionIds = createSessionIds(parts.keys.sessionKey);
  // The link is made last and asked for its freshness only when requests come.
  const operatorFresh = (): boolean => downlink.fresh;
  const core = createCore(parts, sessionIds, operatorFresh);
  const downlink = createDownlink(parts, core, onSnapshot);
  followRoutes(parts, core);
  followChanges(parts.channels, core);
  const link = createLink(parts, downlink);
  const onFailure = registerFigures(parts, core, link);
  return { ...core, link, viewers: createViewers(parts, core, { sessionIds, operatorFresh, onFailure }) };
}

function createCore(parts: EdgeParts, sessionIds: SessionIds, operatorFresh: () => boolean): Core {
  const { config, channels, log, now } = parts;
  const routes = new RouteTable();
  const audiences = new Audiences({
    now,
    targetDurationSeconds: (key) => channels.targetDurationSeconds(key),
    wholeCount: (key) => wholeCount(channels, key, operatorFresh()),
    mintedAgeMs: (key, id) => sessionIds.mintedAgeMs(key, id),
    isServed: (uid) => routes.byUid(uid) !== null,
  });
  const events = new EventHub((key) => {
    const live = channels.live(key);
    return live === null ? null : channelStatus(live, audiences.local(live.route.uid), operatorFresh());
  });
  const counters = { address: config.bindAddress, port: config.httpPort, path: STATUS_PATH };
  return {
    routes,
    audiences,
    admissions: new Admissions(audiences),
    watches: new Watches(now),
    load: new LoadReporter({ read: () => readCounters(counters), now }),
    uplink: new Uplink({ audiences, routes: () => routes.all(), reports: () => channels.reports() }),
    events,
    keeper: new RouteKeeper(config.runDirectory, () => routes.all(), log),
    playlists: new NginxPlaylists({ runDirectory: config.runDirectory, routes, channels, audiences, log }),
  };
}

/** What answers to viewers, behind nginx. */
function createViewers(
  { config, channels, now }: EdgeParts,
  { routes, audiences, admissions, watches, uplink, events, playlists }: Core,
  common: Pick<LiveParts, 'sessionIds' | 'onFailure'> & Pick<ApiContext, 'operatorFresh'>,
): Server {
  const onAsked = async (route: Route): Promise<void> => {
    if (!isOwner(route, config.podUid)) await watches.ask(route.uid);
  };
  events.onWatched((key) => {
    const route = routes.byKey(key);
    if (route !== null) void onAsked(route);
  });
  const live = createLiveHandler({
    ...{ ...common, routes, channels, audiences, admissions },
    onPlaylist: (route, rung) => playlists.published.requested(route, rung, 1),
  });
  const api = createApi({
    ...{ ...common, channels, audiences, admissions, events, onAsked, now },
    onSourceError: (uid, message) => uplink.sourceError(uid, message),
  });
  return createViewerServer(live, api);
}

/** What the operator says goes to the routes, and its counts to the media side and the pages. */
function createDownlink(parts: EdgeParts, core: Core, onSnapshot: () => void): Downlink {
  const { routes, uplink, admissions, watches, load, events, keeper } = core;
  return new Downlink({
    routes,
    uplink,
    admissions,
    watches,
    load,
    now: parts.now,
    setAudience(audience) {
      parts.channels.setAudience(audience);
      markUid(core, audience.uid);
    },
    leftElsewhere(uid, hashes, secondsAgo) {
      core.audiences.leftElsewhere(uid, hashes, secondsAgo);
      for (const hash of hashes) core.playlists.polls.left(uid, hash, secondsAgo);
    },
    onSnapshot() {
      keeper.schedule();
      events.markAll();
      onSnapshot();
      parts.channels.sweep().catch((thrown: unknown) => {
        parts.log.warn({ err: thrown }, 'files of channels that are gone stay until the next snapshot');
      });
    },
  });
}

/** Viewers and reports go up to the operator and out to the pages; viewers wake and rest the media side too. */
function followChanges(channels: ChannelService, core: Core): void {
  core.audiences.onChange((uid, hash, count) => {
    channels.setLocalViewers(uid, count);
    core.uplink.viewerChanged(uid, hash);
    markUid(core, uid);
  });
  core.audiences.onLeave((uid, hash) => core.uplink.viewerLeft(uid, hash));
  channels.onReport((report) => {
    core.uplink.report(report);
    markUid(core, report.uid);
  });
  channels.onFollowed((uid) => markUid(core, uid));
  channels.onOwners((uid, owners, term) => core.routes.supersede(uid, owners, term));
}

/** The events of a channel may have changed. */
function markUid({ routes, events }: Core, uid: string): void {
  const route = routes.byUid(uid);
  if (route !== null) events.mark(keyOf(route));
}

/** The operator's count of all edges, null where it is not known or not fresh. */
function wholeCount(channels: ChannelService, key: string, fresh: boolean): number | null {
  const audience = fresh ? channels.live(key)?.audience : null;
  return audience?.state === 'known' ? audience.viewers : null;
}

/** Everybody who has to hear of routes, in the order in which they must. */
function followRoutes(parts: EdgeParts, core: Core): void {
  const { channels, log } = parts;
  const { routes, audiences, uplink, events, keeper } = core;
  routes.subscribe({
    applied(route) {
      channels.apply(route);
      audiences.applyRoute(route);
      keeper.schedule();
      events.mark(keyOf(route));
    },
    removed(route) {
      audiences.removeRoute(route.uid);
      uplink.forget(route.uid);
      keeper.schedule();
      events.mark(keyOf(route));
      // Another channel under the same name has replaced this one already.
      if (routes.byKey(keyOf(route)) !== null) return;
      channels.remove(route.uid).catch((thrown: unknown) => {
        log.error({ err: thrown, channel: keyOf(route) }, 'a channel could not be ended completely');
      });
    },
  });
}

function createLink(parts: EdgeParts, downlink: Downlink): LinkServer {
  const { config, keys, log } = parts;
  return new LinkServer({
    certificate: keys.certificate,
    privateKey: keys.privateKey,
    operatorKey: keys.operatorKey,
    podName: config.podName,
    podUid: config.podUid,
    term: new StoredTerm(config.runDirectory),
    events: downlink,
    log,
  });
}

/** Registers the metrics; returns what to call when an answer fails for the edge's own fault. */
function registerFigures(parts: EdgeParts, core: Core, link: LinkServer): (thrown: unknown, path: string) => void {
  const { routes, audiences, load, events } = core;
  const { failures, fetched, fetchedBytes, reread } = registerEdgeMetrics(parts.metrics, {
    linkConnected: () => link.connected,
    routes: () => routes.size,
    rememberedIds: () => audiences.rememberedIds,
    eventListeners: () => events.listenerCount,
    load: () => load.load,
    *viewers() {
      for (const { uid, namespace, name } of routes.all()) {
        const { count } = audiences.local(uid);
        if (count > 0) yield [namespace, name, count];
      }
    },
  });
  parts.channels.onReread((result) => reread.inc({ result }));
  parts.channels.onFetched((bytes) => {
    fetched.inc();
    fetchedBytes.inc(bytes);
  });
  return (thrown, path) => {
    failures.inc();
    parts.log.error({ err: thrown, path }, 'an answer failed');
  };
}
