import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Route } from '@sluice/common/link/route.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { systemClock } from './channel/clock.ts';
import type { EdgeConfig } from './config.ts';
import { Departure } from './departure.ts';
import { createFront, type EdgeParts } from './front.ts';
import { closeServer, listenOnSocket } from './http/server.ts';
import { usableBindAddress } from './nginx/bind-address.ts';
import { renderNginxConfig, SOCKET_NAME } from './nginx/render.ts';
import { watchNginxStart } from './nginx/start-watch.ts';
import { createOperationsServer } from './operations/server.ts';
import { createWorkRelay } from './relay/work.ts';
import { readStoredRoutes } from './routes/stored-routes.ts';

/** Viewers without a sign of life go at most this much too late. */
const SWEEP_INTERVAL_MS = 250;
/** A viewer may wait 10 s for a first segment; a pod that ends does not wait that long for the answer. */
const DRAIN_MS = 3_000;

/** An agent sends the head of a request at once. */
const HEADERS_MS = 10_000;
/** An upload that takes longer than this is far too late for its playlist. */
const UPLOAD_MS = 60_000;

/** A running edge. */
export interface Edge {
  /** Unready, channels handed over, event streams ended, answers finished, routes stored, everything closed. Called once. */
  close(): Promise<void>;
}

/**
 * Starts the sidecar: the routes of the last run first, then all ports, and nginx.conf last, because the start-up probe
 * lets nginx start then.
 * @param stays called once when the edge has left and its pod stays: it has to be closed and started anew
 * @throws whatever keeps a port or a file from being used
 */
export async function startEdge(parts: EdgeParts, stays: () => void = () => {}): Promise<Edge> {
  const { config, channels, log } = parts;
  await mkdir(config.runDirectory, { recursive: true });
  const state = { started: false, routesKnown: false };
  const front = createFront(parts, () => {
    state.routesKnown = true;
  });
  const departure = new Departure({
    channels,
    tell: () => front.uplink.leave(),
    endStreams: () => front.events.close(),
    watchNginx: (started) => watchNginxStart(config.runDirectory, started),
    stays,
    clock: systemClock,
    log,
  });
  const work = createWorkRelay(front.routes, config.podUid, parts.work);
  const { replication } = parts;
  const stored = await restoreRoutes(config.runDirectory, log);
  if (stored !== null) {
    front.routes.replaceAll(stored);
    state.routesKnown = true;
  }
  const operations = createOperationsServer(
    {
      startup: () => (state.started ? null : 'starting'),
      ready: () => (departure.hasBegun ? 'the edge is stopping' : missing(state)),
      leave: (seconds) => departure.last(seconds),
    },
    parts.metrics,
  );
  const internal = createServer({ headersTimeout: HEADERS_MS, requestTimeout: UPLOAD_MS }, work.listener);
  internal.on('upgrade', replication.upgrade);
  await front.playlists.open();
  const address = await usableBindAddress(config.bindAddress);
  await Promise.all([
    listen(operations, config.operationsPort, address),
    listen(internal, config.internalPort, address),
    front.link.listen(config.linkPort, address),
    listenOnSocket(front.viewers, join(config.runDirectory, SOCKET_NAME)),
  ]);
  await writeNginxConfig(config, address);
  const sweep = setInterval(() => front.audiences.sweep(), SWEEP_INTERVAL_MS);
  front.load.start();
  state.started = true;
  log.info({ routes: front.routes.size, address }, 'the edge serves');
  return {
    async close() {
      // Without preStop, or where the sidecar alone is stopped.
      await departure.begin();
      departure.close();
      front.events.close();
      await front.playlists.close();
      await closeServer(front.viewers, DRAIN_MS);
      // Followers first: their connections would hold the port open.
      replication.close();
      await closeServer(internal, DRAIN_MS);
      clearInterval(sweep);
      front.load.close();
      await work.close();
      front.uplink.disconnect();
      await Promise.all([front.link.close(), channels.close(), front.keeper.close()]);
      await closeServer(operations, 0);
    },
  };
}

function missing(state: { readonly routesKnown: boolean }): string | null {
  return state.routesKnown ? null : 'no operator has sent routes yet, and none are stored';
}

/** Routes of the last run; a broken file is as good as none, the operator sends them again. */
async function restoreRoutes(directory: string, log: Logger): Promise<readonly Route[] | null> {
  try {
    return await readStoredRoutes(directory);
  } catch (thrown) {
    log.warn({ err: thrown }, 'the stored routes are lost; waiting for the operator');
    return null;
  }
}

async function writeNginxConfig(config: EdgeConfig, bindAddress: string): Promise<void> {
  const path = join(config.runDirectory, 'nginx.conf');
  const text = renderNginxConfig({ ...config, bindAddress, port: config.httpPort, workers: config.nginxWorkers });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function listen(server: Server, port: number, address: string): Promise<void> {
  server.listen(port, address);
  await once(server, 'listening');
}
