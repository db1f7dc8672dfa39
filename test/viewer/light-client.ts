import { Buffer } from 'node:buffer';
import { type Answer, ConnectionLost, type ViewerClient } from './client.ts';
import { LightConnection } from './light-connection.ts';
import type { Endpoint, VirtualService } from './virtual-service.ts';

/** Reads of all clients go through one buffer: what is not kept is forgotten in the same tick. As much as a socket holds. */
const READ_BYTES = 512 * 1024;

/**
 * Makes HTTP clients of which one process bears ten thousand: HTTP/1.1 with keep-alive over plain sockets, answers with
 * Content-Length only, as an edge and nginx give them, bodies that nobody reads counted and forgotten. For everything
 * else there is {@link ViewerClient} by undici.
 * @param socketPath sends all requests to a unix socket instead of their URL's host
 * @param service takes the connections of its host
 * @param localAddress IPv4 address of this machine that connections begin at
 */
export function createLightClients(
  socketPath?: string,
  service?: VirtualService,
  localAddress?: string,
): () => ViewerClient {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  return () => new LightClient(buffer, { socketPath, service, localAddress });
}

/** Where connections begin and end, if not at their URL's host. */
interface Way {
  readonly socketPath: string | undefined;
  readonly service: VirtualService | undefined;
  readonly localAddress: string | undefined;
}

class LightClient implements ViewerClient {
  readonly #buffer: Buffer;
  readonly #way: Way;
  readonly #idle = new Map<string, LightConnection[]>();
  readonly #open = new Set<LightConnection>();
  #closed = false;

  constructor(buffer: Buffer, way: Way) {
    this.#buffer = buffer;
    this.#way = way;
  }

  get(url: string, signal: AbortSignal, discard = false): Promise<Answer> {
    signal.throwIfAborted();
    return this.#ask(url, (path, host) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, discard);
  }

  post(url: string, body: object): Promise<Answer> {
    const text = JSON.stringify(body);
    const head = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}`;
    return this.#ask(url, (path, host) => `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n\r\n${text}`, false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#open) connection.destroy();
  }

  async #ask(url: string, text: (path: string, host: string) => string, discard: boolean): Promise<Answer> {
    const match = /^http:\/\/([^/:]+)(?::(\d+))?(\/.*)?$/.exec(url);
    if (match === null) throw new Error(`only http:// URLs with a name or an IPv4 address, not ${url}`);
    const [, host = '', port = '80', path = '/'] = match;
    const origin = `${host}:${port}`;
    const idle = this.#idle.get(origin) ?? [];
    this.#idle.set(origin, idle);
    const question = text(path, origin);
    const service = this.#way.service?.host === host ? this.#way.service : undefined;
    for (let used = idle.pop(); used !== undefined; used = idle.pop()) {
      const answer = await this.#askAgain(used, question, discard);
      if (answer !== null) return this.#keep(used, idle, answer);
    }
    const endpoints = service?.next() ?? [{ host, port: Number(port) }];
    for (const [index, endpoint] of endpoints.entries()) {
      const connection = this.#connect(endpoint, service);
      try {
        const answer = await connection.ask(question, discard);
        if (service?.keepsConnections === false) connection.destroy();
        return this.#keep(connection, idle, answer);
      } catch (error) {
        // Nobody there: another endpoint takes the connection.
        if (connection.taken || this.#closed || index === endpoints.length - 1) throw error;
      }
    }
    throw new ConnectionLost(`${host} has no endpoint`);
  }

  /** @returns null if the server closed the connection in the moment in which it is used again (RFC 9112 9.3.1) */
  async #askAgain(used: LightConnection, question: string, discard: boolean): Promise<Answer | null> {
    return used.ask(question, discard).catch((error: unknown) => {
      if (used.answering || this.#closed) throw error;
      return null;
    });
  }

  #keep(connection: LightConnection, idle: LightConnection[], answer: Answer): Answer {
    // One is kept: a second one for each heartbeat between two segments would take all descriptors of a process.
    if (connection.usable && idle.length === 0 && !this.#closed) idle.push(connection);
    else connection.destroy();
    return answer;
  }

  #connect(endpoint: Endpoint, service: VirtualService | undefined): LightConnection {
    if (this.#closed) throw new Error('the client is closed');
    const { socketPath, localAddress } = this.#way;
    const from = localAddress === undefined ? {} : { localAddress };
    const address = socketPath === undefined ? { ...endpoint, ...from } : { path: socketPath };
    const connection: LightConnection = new LightConnection(address, this.#buffer, () => {
      this.#open.delete(connection);
      service?.closed(endpoint);
    });
    this.#open.add(connection);
    service?.opened(endpoint);
    return connection;
  }
}
