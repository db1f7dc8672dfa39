import { Agent } from 'undici';
import { refusal } from '../client/api-error.ts';
import type { Connection } from '../client/connection.ts';
import { History } from '../memory/history.ts';
import { ObjectStore, type ServedKind } from '../memory/object-store.ts';
import { type MemoryApiServer, startMemoryApiServer, type WatchStream } from './api-server.ts';
import { applyFault, type Fault, Faults, writeFaultyEvent } from './faults.ts';
import type { SeenRequest } from './request.ts';

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
 * An API server for tests: the one that keeps its objects in memory, with faults on demand and a log of requests.
 * Owner garbage is collected only by `store.collectGarbage()`.
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
  /**
   * Forgets the history, so that a watch from any version before now is Expired.
   * @param versions to go on from here; below zero: back, as etcd restored from a backup
   */
  forget(versions: number): void;
  /** Sends a bookmark to every watch that wants them. */
  bookmark(): void;
  /** Breaks every connection, as a server that is killed. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** Starts a fake API server on a free port of the loopback interface. */
export async function startFakeApiServer(options: FakeApiServerOptions): Promise<FakeApiServer> {
  const history = new History(Number.POSITIVE_INFINITY); // only `forget` forgets
  const store = new ObjectStore({
    kinds: options.kinds,
    now: options.now ?? Date.now,
    history,
  });
  const faults = new Faults();
  const requests: LoggedRequest[] = [];
  const met = new WeakMap<SeenRequest, Fault>();
  const server = await startMemoryApiServer(store, {
    address: '127.0.0.1',
    port: 0,
    async before(seen, response) {
      const fault = faults.take(seen);
      if (fault !== null) met.set(seen, fault);
      if (fault !== null && (await applyFault(fault, seen, response))) return true;
      authenticate(seen, options.token);
      return false;
    },
    after(seen, response) {
      requests.push({ ...seen, status: response.headersSent ? response.statusCode : 0 });
    },
    writeEvent(seen, response, event) {
      const next = writeFaultyEvent(met.get(seen) ?? null, response, event);
      if (next !== null) met.set(seen, next);
    },
  });
  return fakeOf(server, { store, faults, requests, forget: (versions) => history.forget(versions) }, options);
}

function fakeOf(
  server: MemoryApiServer,
  parts: Pick<FakeApiServer, 'store' | 'faults' | 'requests' | 'forget'>,
  { kinds, token }: FakeApiServerOptions,
): FakeApiServer {
  return {
    ...parts,
    url: server.url,
    watches: server.watches,
    connection: () => ({
      server: server.url,
      authorization: async (): Promise<Record<string, string>> =>
        token === undefined ? {} : { authorization: `Bearer ${token()}` },
      createDispatcher: ({ headersTimeoutSeconds, bodyTimeoutSeconds }) =>
        new Agent({ headersTimeout: headersTimeoutSeconds * 1000, bodyTimeout: bodyTimeoutSeconds * 1000 }),
    }),
    writes: () => parts.requests.filter(({ method }) => method !== 'GET'),
    kind(plural) {
      const kind = kinds.find((known) => known.plural === plural);
      if (kind === undefined) throw new Error(`the fake API server does not serve ${plural}`);
      return kind;
    },
    bookmark: () => server.bookmark(),
    dropConnections: () => server.dropConnections(),
    close: () => server.close(),
  };
}

function authenticate(seen: SeenRequest, token: (() => string) | undefined): void {
  if (token !== undefined && seen.authorization !== `Bearer ${token()}`) {
    throw refusal(401, 'Unauthorized', 'Unauthorized');
  }
}
