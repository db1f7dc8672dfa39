import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import type { Connection } from '../client/connection.ts';
import { StatusAnswer, tooLarge } from './answer.ts';
import { type Fault, Faults, type SeenRequest } from './faults.ts';
import { isObject, type JsonObject } from './fields.ts';
import { ObjectStore, type ServedKind } from './object-store.ts';
import { apiVersionOf, applyFault, objectIn, partsOf, readBody, sendJson, type Target } from './request.ts';
import { isSelected, serveWatch, type WatchStream } from './watch-stream.ts';

/** What a fake API server is made of. */
export interface FakeApiServerOptions {
  readonly kinds: readonly ServedKind[];
  /** Milliseconds since the epoch, for creationTimestamp. */
  readonly now?: () => number;
  /** Token that each request must bear; everything is open if it is left out. May change while the server runs. */
  readonly token?: () => string;
}

/** A request that was served, with the status of its answer; 0 if there was none. */
export interface LoggedRequest extends SeenRequest {
  readonly status: number;
}

/**
 * An HTTP server that behaves like a kube-apiserver for tests: get, paged list, watch with bookmarks, create,
 * server-side apply with field ownership, the status subresource, delete with preconditions and finalizers, resource
 * versions, compaction, and faults on demand. Not like the real one: lists in objects are atomic for server-side
 * apply; there are no schemas (but `refuse`), no defaults, no admission, no authorization; owner garbage is collected
 * only by `store.collectGarbage()`; continue tokens do not expire.
 */
export interface FakeApiServer {
  /** Base URL without a slash at the end. */
  readonly url: string;
  readonly store: ObjectStore;
  readonly faults: Faults;
  /** Every request so far; empty it with `requests.length = 0`. */
  readonly requests: LoggedRequest[];
  /** Watches that are open now. */
  readonly watches: ReadonlySet<WatchStream>;
  /** How a client reaches it. */
  connection(): Connection;
  /** Requests so far that wrote, or wanted to. */
  writes(): readonly LoggedRequest[];
  /** The kind by its plural. @throws Error for an unknown one */
  kind(plural: string): ServedKind;
  /** Sends a bookmark to every watch that wants them. */
  bookmark(): void;
  /** Breaks every connection, as a server that is killed. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** Starts a fake API server on a free port of the loopback interface. */
export async function startFakeApiServer(options: FakeApiServerOptions): Promise<FakeApiServer> {
  const running = new RunningServer(options);
  await running.listen();
  return running;
}

class RunningServer implements FakeApiServer {
  readonly store: ObjectStore;
  readonly faults = new Faults();
  readonly requests: LoggedRequest[] = [];
  readonly watches = new Set<WatchStream>();
  readonly #options: FakeApiServerOptions;
  readonly #server: Server;

  constructor(options: FakeApiServerOptions) {
    this.#options = options;
    this.store = new ObjectStore(options.now ?? Date.now);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  connection(): Connection {
    const { token } = this.#options;
    return {
      server: this.url,
      authorization: async (): Promise<Record<string, string>> =>
        token === undefined ? {} : { authorization: `Bearer ${token()}` },
      createDispatcher: ({ headersTimeoutSeconds, bodyTimeoutSeconds }) =>
        new Agent({ headersTimeout: headersTimeoutSeconds * 1000, bodyTimeout: bodyTimeoutSeconds * 1000 }),
    };
  }

  writes(): readonly LoggedRequest[] {
    return this.requests.filter(({ method }) => method !== 'GET');
  }

  kind(plural: string): ServedKind {
    const kind = this.#options.kinds.find((known) => known.plural === plural);
    if (kind === undefined) throw new Error(`the fake API server does not serve ${plural}`);
    return kind;
  }

  bookmark(): void {
    for (const watch of this.watches) watch.bookmark();
  }

  dropConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = this.#see(request);
    const log = () => this.requests.push({ ...seen, status: response.headersSent ? response.statusCode : 0 });
    try {
      const body = await readBody(request);
      const fault = this.faults.take(seen);
      if (fault !== null && (await applyFault(fault, seen, response))) return;
      this.#authenticate(seen);
      await this.#answer(seen, body, response, fault);
    } catch (error) {
      const answer =
        error instanceof StatusAnswer ? error : new StatusAnswer(500, 'InternalError', `fake server: ${String(error)}`);
      sendJson(response, answer.status, answer.body(), answer.retryAfterSeconds);
    } finally {
      log();
    }
  }

  async #answer(seen: SeenRequest, body: string, response: ServerResponse, fault: Fault | null): Promise<void> {
    const target = this.#target(seen);
    if (target === null) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return;
    }
    const query = new URL(seen.url, this.url).searchParams;
    if (seen.watch) {
      this.#watch(target, query, response, fault);
      return;
    }
    const { kind, namespace, name } = target;
    if (seen.method === 'GET') {
      sendJson(response, 200, name === '' ? this.#list(target, query) : this.store.get(kind, namespace, name));
    } else if (seen.method === 'POST' && name === '') {
      const object = objectIn(body, target);
      sendJson(response, 201, this.store.create(kind, object, query.get('fieldManager') ?? 'unknown'));
    } else if (seen.method === 'PATCH') {
      sendJson(response, 200, this.#apply(seen, target, query, body));
    } else if (seen.method === 'DELETE') {
      const preconditions = body === '' ? undefined : (JSON.parse(body) as JsonObject).preconditions;
      const uid = isObject(preconditions) && typeof preconditions.uid === 'string' ? preconditions.uid : undefined;
      sendJson(response, 200, this.store.delete(kind, namespace, name, uid));
    } else {
      throw new StatusAnswer(405, 'MethodNotAllowed', `${seen.method} is not supported`);
    }
  }

  #apply(seen: SeenRequest, target: Target, query: URLSearchParams, body: string): JsonObject {
    if (seen.contentType !== 'application/apply-patch+yaml') {
      throw new StatusAnswer(415, 'UnsupportedMediaType', 'only application/apply-patch+yaml is supported');
    }
    const fieldManager = query.get('fieldManager') ?? '';
    if (fieldManager === '') {
      throw new StatusAnswer(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value');
    }
    const part = target.subresource === 'status' ? 'status' : 'object';
    return this.store.apply(target.kind, part, objectIn(body, target), fieldManager, query.get('force') === 'true');
  }

  /** The continue token is the key after which the next page begins, and the version of the first page. */
  #list(target: Target, query: URLSearchParams): JsonObject {
    const asked = Number(query.get('resourceVersion') ?? 0);
    if (asked > this.store.resourceVersion) throw tooLarge(String(asked), this.store.resourceVersion);
    const selection = selectionOf(target, query);
    const [version, skip] = (query.get('continue') ?? '').split('.').map(Number);
    const from = skip ?? 0;
    const limit = Number(query.get('limit') ?? 0);
    const all = this.store.list(target.kind).filter((object) => isSelected(selection, object));
    const items = limit > 0 ? all.slice(from, from + limit) : all;
    const resourceVersion = String(skip === undefined ? this.store.resourceVersion : version);
    const more = from + items.length < all.length;
    return {
      kind: `${target.kind.kind}List`,
      apiVersion: apiVersionOf(target.kind),
      metadata: { resourceVersion, ...(more ? { continue: `${resourceVersion}.${from + items.length}` } : {}) },
      items,
    };
  }

  #watch(target: Target, query: URLSearchParams, response: ServerResponse, fault: Fault | null): void {
    const watch = serveWatch(
      this.store,
      {
        kind: target.kind,
        ...selectionOf(target, query),
        resourceVersion: query.get('resourceVersion') ?? String(this.store.resourceVersion),
        bookmarks: query.get('allowWatchBookmarks') === 'true',
        timeoutSeconds: Number(query.get('timeoutSeconds') ?? 0),
      },
      response,
      fault,
    );
    this.watches.add(watch);
    response.on('close', () => this.watches.delete(watch));
  }

  #authenticate(seen: SeenRequest): void {
    const { token } = this.#options;
    if (token !== undefined && seen.authorization !== `Bearer ${token()}`) {
      throw new StatusAnswer(401, 'Unauthorized', 'Unauthorized');
    }
  }

  #see(request: IncomingMessage): SeenRequest {
    const url = request.url ?? '/';
    const { pathname, searchParams } = new URL(url, this.url);
    return {
      method: request.method ?? 'GET',
      url,
      ...partsOf(pathname),
      watch: searchParams.get('watch') === 'true',
      contentType: request.headers['content-type'] ?? '',
      authorization: request.headers.authorization ?? '',
    };
  }

  /** null for a kind that is not served. */
  #target(seen: SeenRequest): Target | null {
    const root = new URL(seen.url, this.url).pathname;
    const kind = this.#options.kinds.find(
      ({ group, version, plural }) =>
        plural === seen.plural && root.startsWith(group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`),
    );
    if (kind === undefined) return null;
    if (seen.subresource !== '' && !(seen.subresource === 'status' && kind.hasStatus)) {
      throw new StatusAnswer(404, 'NotFound', 'the server could not find the requested resource');
    }
    return { kind, namespace: seen.namespace, name: seen.name, subresource: seen.subresource };
  }
}

function selectionOf(target: Target, query: URLSearchParams) {
  return {
    namespace: target.namespace,
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  };
}
