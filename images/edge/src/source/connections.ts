import { MAX_SOURCE_RENDITIONS } from '@sluice/common/link/source-facts.ts';
import { buildConnector, Client, type Dispatcher } from 'undici';
import { type Clock, systemClock } from '../channel/clock.ts';
import { type AddressGuard, guardedLookup, type Resolve } from './address.ts';
import { connectionsClosed, HostConnections, type Wish } from './host-connections.ts';

/** Name resolution, TCP and TLS over the longest roads take about 2 s. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * How long in ms an idle connection is kept for the next look, where the source does not ask for less: the pause between two
 * looks of a source that fails.
 */
const KEEP_ALIVE_MS = 15_000;

/** Longest wait in ms for the head of an answer, and for the next bytes of its body. */
const HEADERS_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 5_000;

/** Connections of one channel to one host at a time: for a playlist and three segments of each rendition that it may carry. */
const MAX_CONNECTIONS = 4 * (1 + MAX_SOURCE_RENDITIONS);

/**
 * Requests that one HTTP/2 connection carries at a time: as many as servers admit at least (RFC 9113 6.5.2), and more than a
 * channel has.
 */
const MAX_STREAMS = 100;

/**
 * What one HTTP/2 connection may have on its way, in bytes: 80 Mbit/s over 200 ms. Bodies are read as they come, and
 * bounded by the room for all of them.
 */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** Hosts that a channel remembers: a source has two or three; one that redirects into a maze has ever new ones. */
const MAX_HOSTS = 16;

/** What connections are made with. */
export interface ConnectionsParts {
  readonly guard: AddressGuard;
  /** Of the machine if left out. */
  readonly clock?: Clock;
  /** Of the channel's playlists, in seconds; null, and if left out, where it is not known. */
  readonly targetDurationSeconds?: () => number | null;
  /** Looks names up, as `dns.lookup` does, which it is if left out. */
  readonly resolve?: Resolve;
  /** Certificates in PEM that servers are trusted by instead of the system's. */
  readonly ca?: string;
}

interface Connection {
  readonly client: Client;
  /** Requests at a time: 1 by HTTP/1.1. Of the last time that it connected, as the next will be of the same kind. */
  capacity: number;
  /** In ms of the clock. */
  connectedAt: number;
}

/** All connections of one channel to the hosts of its source; see {@link HostConnections}. */
export class ChannelConnections {
  readonly #hosts = new Map<string, HostConnections<Connection>>();
  readonly #clock: Clock;
  readonly #targetDurationSeconds: () => number | null;
  readonly #connect: buildConnector.connector;
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor({ guard, clock = systemClock, targetDurationSeconds = () => null, resolve, ca }: ConnectionsParts) {
    this.#clock = clock;
    this.#targetDurationSeconds = targetDurationSeconds;
    const lookup = guardedLookup(guard, resolve);
    this.#connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup, ...(ca === undefined ? {} : { ca }) });
  }

  /** Asks for a URL when it is its turn. Rejects with the errors of undici, the signal's reason, and once it is closed. */
  async get(url: URL, headers: Record<string, string>, wish: Wish): Promise<Dispatcher.ResponseData> {
    if (this.#isClosed) throw connectionsClosed();
    const host = this.#hostOf(url.origin);
    const { connection, end } = await host.turn(wish);
    const askedAt = this.#clock.now();
    const { signal } = wish;
    const asked = connection.client.request({ path: `${url.pathname}${url.search}`, method: 'GET', headers, signal });
    // Whatever becomes of a body, it is closed: what was not read ends with the connection.
    asked.then(({ body }) => body.once('close', end), end);
    const response = await unlessAborted(asked, signal);
    host.answeredIn(this.#clock.now() - Math.max(askedAt, connection.connectedAt));
    return response;
  }

  /** Ends whatever is under way or waits, for good; resolves when no connection is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const host of this.#hosts.values()) host.close();
    this.#hosts.clear();
    await Promise.all(this.#closing);
  }

  #hostOf(origin: string): HostConnections<Connection> {
    const known = this.#hosts.get(origin);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MAX_HOSTS) this.#forgetIdle();
    const host: HostConnections<Connection> = new HostConnections({
      clock: this.#clock,
      targetDurationSeconds: this.#targetDurationSeconds,
      open: () => this.#open(origin, host),
      close: ({ client }) => this.#close(client),
      capacityOf: ({ capacity }) => capacity,
      most: MAX_CONNECTIONS,
    });
    this.#hosts.set(origin, host);
    return host;
  }

  #forgetIdle(): void {
    for (const [origin, host] of this.#hosts) {
      if (!host.isIdle) continue;
      host.close();
      this.#hosts.delete(origin);
    }
  }

  #open(origin: string, host: HostConnections<Connection>): Connection {
    const connect: buildConnector.connector = (options, callback) => {
      this.#connect(options, (...result) => {
        const [error, socket] = result;
        if (error === null) {
          connection.capacity = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2' ? MAX_STREAMS : 1;
          connection.connectedAt = this.#clock.now();
          host.serve();
        }
        callback(...result);
      });
    };
    const client = new Client(origin, {
      connect,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      connectionWindowSize: WINDOW_BYTES,
    });
    const connection: Connection = { client, capacity: 1, connectedAt: 0 };
    return connection;
  }

  #close(client: Client): void {
    const closed = client
      .destroy()
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** undici tells that a request was aborted only once it is sent: after the connecting, or after what an HTTP/2 server has first. */
function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    const leave = (): void => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    asked.then(resolve, reject).finally(leave);
  });
}
