import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiError, refusal } from '../client/api-error.ts';
import type { WatchEvent } from '../client/client.ts';
import { messageOf } from '../errors/error.ts';
import type { JsonObject } from '../memory/fields.ts';
import type { ObjectStore } from '../memory/object-store.ts';
import { bookmarkOf, follow } from '../memory/selection.ts';
import type { ServedKind } from '../memory/served-kind.ts';
import { discovery } from './discovery.ts';
import { answer, readBody, type SeenRequest, seenRequest, watchOptions } from './request.ts';

/** One open watch. */
export interface WatchStream {
  readonly kind: ServedKind;
  /** Sends the store's version, if the watch asked for bookmarks. */
  bookmark(): void;
  /** Ends it as the server does after its timeout. */
  end(): void;
}

/** Serves a subresource other than status, e.g. a pod's log. May throw ApiError. */
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
  /** Sees each request with its body before it is served. @returns whether it has been answered; may throw ApiError */
  readonly before?: (seen: SeenRequest, response: ServerResponse) => Promise<boolean>;
  /** Hears of each request after its answer has begun, or has failed to. */
  readonly after?: (seen: SeenRequest, response: ServerResponse) => void;
  /** Writes one event of a watch, instead of a line of JSON. */
  readonly writeEvent?: (seen: SeenRequest, response: ServerResponse, event: WatchEvent) => void;
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
  const server = new MemoryApiServer(store, options);
  await server.listen();
  return server;
}

/**
 * The Kubernetes API of a store over HTTP: get, paged list, watch with bookmarks, create, server-side apply, merge patch,
 * delete, dry runs, the status subresource, discovery. A page in a browser of this machine is kept out: a request with
 * an Origin, or for another host name than the loopback's, is refused.
 */
export class MemoryApiServer {
  /** Watches that are open now. */
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

  /** Base URL without a slash at the end. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** @throws Error if the port is taken */
  async listen(): Promise<void> {
    this.#server.listen(this.#options.port, this.#options.address);
    await once(this.#server, 'listening');
  }

  /** Sends a bookmark to every watch that wants them. */
  bookmark(): void {
    for (const watch of this.watches) watch.bookmark();
  }

  /** Breaks every connection, as a server that is killed. */
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
      const refused = error instanceof ApiError ? error : refusal(500, 'InternalError', messageOf(error));
      sendJson(response, refused.status ?? 500, statusOf(refused));
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
    else if (isPartOf(kind, subresource)) {
      if (seen.watch) this.#watch(seen, kind, response);
      else sendJson(response, method === 'POST' ? 201 : 200, answer(this.#store, { ...seen, kind }, body));
    } else {
      const serve = subresources[`${kind.plural}/${subresource}`];
      if (serve === undefined) {
        throw refusal(404, 'NotFound', 'the server could not find the requested resource');
      }
      await serve(this.#store.get(kind, namespace, name), query, response);
    }
  }

  #watch(seen: SeenRequest, kind: ServedKind, response: ServerResponse): void {
    const { writeEvent: write = writeEvent } = this.#options;
    const options = watchOptions(this.#store, seen);
    this.#store.eventsSince(options.resourceVersion); // refused, if at all, before the answer begins
    // Who went while the request waited to be served will not be heard to go again.
    if (response.destroyed) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const send = (event: WatchEvent): void => write(seen, response, event);
    const stop = follow(this.#store, kind, options, send);
    const end = () => void response.end();
    const timer = options.timeoutSeconds > 0 ? setTimeout(end, options.timeoutSeconds * 1000).unref() : undefined;
    const wantsBookmarks = seen.query.get('allowWatchBookmarks') === 'true';
    // A version of the future says nothing, not even a bookmark, until it is reached.
    const isReached = () => this.#store.resourceVersion >= Number(options.resourceVersion);
    const watch: WatchStream = {
      kind,
      end,
      bookmark: () => {
        if (wantsBookmarks && isReached()) send(bookmarkOf(this.#store));
      },
    };
    this.watches.add(watch);
    response.on('close', () => {
      stop();
      clearTimeout(timer);
      this.watches.delete(watch);
    });
  }
}

/** Whether the store itself answers for a subresource, or for the object. */
function isPartOf({ hasStatus = false, hasScale = false }: ServedKind, subresource: string): boolean {
  return subresource === '' || (subresource === 'status' && hasStatus) || (subresource === 'scale' && hasScale);
}

function writeEvent(_seen: SeenRequest, response: ServerResponse, event: WatchEvent): void {
  if (response.destroyed) return;
  if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
  else response.write(`${JSON.stringify(event)}\n`);
}

/** The metav1.Status of an answer other than success. */
export function statusOf({ status: code, code: reason, message, causes }: ApiError): JsonObject {
  const details = { causes: causes.map(({ path, message }) => ({ field: path, message })) };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}

/** Against pages that reach for the loopback: they send an Origin, or have bent their own host name to it. */
function refuseBrowsers({ headers }: IncomingMessage): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (headers.origin !== undefined || !LOOPBACK_HOSTS.has(host)) {
    throw refusal(403, 'Forbidden', 'this API is for programs on this machine: use http://127.0.0.1 as its host');
  }
}

/** Answers, unless something has been answered already. */
function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
