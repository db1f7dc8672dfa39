import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../errors/error.ts';
import { StatusAnswer } from './answer.ts';
import { discovery } from './discovery.ts';
import type { JsonObject } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { answer, readBody, type SeenRequest, seenRequest, type Target, watchRequest } from './request.ts';
import { tableOf, wantsTable } from './table.ts';
import { type OpenWatch, openWatch, type WatchEventType } from './watch.ts';

/** A watch with the connection that it is sent over. */
export interface WatchStream extends OpenWatch {
  /** Ends it as the server does after its timeout. */
  end(): void;
  /** Breaks the connection. */
  destroy(): void;
}

/** Serves a subresource other than status, e.g. a pod's log. May throw StatusAnswer. */
export type SubresourceHandler = (
  object: JsonObject,
  query: URLSearchParams,
  response: ServerResponse,
) => void | Promise<void>;

/** What an API server in memory is made of. */
export interface MemoryApiServerOptions {
  /** Loopback: there is no authentication. */
  readonly address: '127.0.0.1' | '::1';
  /** 0: any free one. */
  readonly port: number;
  /** By `<plural>/<subresource>`, e.g. `pods/log`. */
  readonly subresources?: Readonly<Record<string, SubresourceHandler>>;
  /** Sees each request with its body before it is served. @returns whether it has been answered; may throw StatusAnswer */
  readonly before?: (seen: SeenRequest, response: ServerResponse) => Promise<boolean>;
  /** Hears of each request after its answer has begun, or has failed to. */
  readonly after?: (seen: SeenRequest, response: ServerResponse) => void;
  /** Writes one event of a watch, instead of a line of JSON. */
  readonly writeEvent?: (seen: SeenRequest, response: ServerResponse, type: WatchEventType, object: unknown) => void;
}

/**
 * The Kubernetes API of a store over HTTP: get, paged list, watch with bookmarks, create, replace, server-side apply,
 * merge patch, delete, dry runs, the status subresource, discovery. A page in a browser of this machine is kept out: a
 * request with an Origin, or for another host name than the loopback's, is refused.
 */
export interface MemoryApiServer {
  /** Base URL without a slash at the end. */
  readonly url: string;
  /** Watches that are open now. */
  readonly watches: ReadonlySet<WatchStream>;
  /** Sends a bookmark to every watch that wants them. */
  bookmark(): void;
  /** Breaks every connection, as a server that is killed. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** As often as the real server sends them. */
const BOOKMARK_MILLISECONDS = 60_000;
/** A reader that leaves as much unread loses its connection, as at the real server. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Starts an API server. @throws Error if the port is taken */
export async function startMemoryApiServer(
  store: ObjectStore,
  options: MemoryApiServerOptions,
): Promise<MemoryApiServer> {
  const running = new RunningServer(store, options);
  await running.listen();
  return running;
}

class RunningServer implements MemoryApiServer {
  readonly watches = new Set<WatchStream>();
  readonly #store: ObjectStore;
  readonly #options: MemoryApiServerOptions;
  readonly #server: Server;
  readonly #bookmarks: NodeJS.Timeout;

  constructor(store: ObjectStore, options: MemoryApiServerOptions) {
    this.#store = store;
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#bookmarks = setInterval(() => this.bookmark(), BOOKMARK_MILLISECONDS).unref();
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.address, resolve);
    });
  }

  bookmark(): void {
    for (const watch of this.watches) watch.bookmark();
  }

  dropConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    clearInterval(this.#bookmarks);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let seen: SeenRequest | null = null;
    try {
      seen = seenRequest(request);
      refuseBrowsers(request);
      const body = await readBody(request);
      if (await this.#options.before?.(seen, response)) return;
      await this.#answer(seen, body, response);
    } catch (error) {
      const refusal = error instanceof StatusAnswer ? error : new StatusAnswer(500, 'InternalError', messageOf(error));
      sendJson(response, refusal.status, refusal.body(), refusal.retryAfterSeconds);
    } finally {
      if (seen !== null) this.#options.after?.(seen, response);
    }
  }

  async #answer(seen: SeenRequest, body: string, response: ServerResponse): Promise<void> {
    const { subresources = {} } = this.#options;
    const { method, subresource, namespace, name, query } = seen;
    const found = discovery(this.#store.kinds, seen.url.split('?')[0] ?? '');
    const kind = this.#store.kindOf(seen);
    if (found !== null && method === 'GET') sendJson(response, 200, found);
    else if (kind === null) response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    else if (subresource === '' || (subresource === 'status' && kind.hasStatus)) {
      const target = { ...seen, kind };
      if (seen.watch) this.#watch(seen, target, response);
      else sendJson(response, method === 'POST' ? 201 : 200, answer(this.#store, target, body));
    } else {
      const serve = subresources[`${kind.plural}/${subresource}`];
      if (serve === undefined) {
        throw new StatusAnswer(404, 'NotFound', 'the server could not find the requested resource');
      }
      await serve(this.#store.get(kind, namespace, name), query, response);
    }
  }

  #watch(seen: SeenRequest, target: Target, response: ServerResponse): void {
    const write = this.#options.writeEvent ?? writeEvent;
    const shown = (type: WatchEventType, object: JsonObject) =>
      wantsTable(target.accept) && type !== 'BOOKMARK'
        ? tableOf(target.kind.columns, [object], {}, this.#store.nowMs())
        : object;
    // Events of the past come while the watch is being opened; the answer begins when it is known not to be refused.
    const early: [WatchEventType, unknown][] = [];
    let isOpen = false;
    const open = openWatch(this.#store, watchRequest(this.#store, target), {
      send: (type, object) => {
        if (isOpen) write(seen, response, type, shown(type, object));
        else early.push([type, shown(type, object)]);
      },
      end: () => void response.end(),
    });
    isOpen = true;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const [type, object] of early) write(seen, response, type, object);
    const watch = { ...open, end: () => void response.end(), destroy: () => void response.destroy() };
    this.watches.add(watch);
    response.on('close', () => {
      open.close();
      this.watches.delete(watch);
    });
  }
}

function writeEvent(_seen: SeenRequest, response: ServerResponse, type: WatchEventType, object: unknown): void {
  if (response.destroyed) return;
  if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
  else response.write(`${JSON.stringify({ type, object })}\n`);
}

/** Against pages that reach for the loopback: they send an Origin, or have bent their own host name to it. */
function refuseBrowsers({ headers }: IncomingMessage): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (headers.origin !== undefined || !LOOPBACK_HOSTS.has(host)) {
    throw new StatusAnswer(
      403,
      'Forbidden',
      'this API is for programs on this machine: use http://127.0.0.1 as its host',
    );
  }
}

/** Answers, unless something has been answered already. */
function sendJson(response: ServerResponse, status: number, body: unknown, retryAfterSeconds?: number): void {
  if (response.destroyed || response.headersSent) return;
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
