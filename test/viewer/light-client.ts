import { Buffer } from 'node:buffer';
import type { Answer, ViewerClient } from './client.ts';
import { LightConnection } from './light-connection.ts';

/** Where a light client's requests go. */
interface Origin {
  readonly host: string;
  readonly port: number;
}

/** Reads of all clients go through one buffer: what is not kept is forgotten in the same tick. As much as a socket holds. */
const READ_BYTES = 512 * 1024;

/**
 * Makes HTTP clients of which one process bears ten thousand: HTTP/1.1 with keep-alive over plain sockets, answers with
 * Content-Length only, as an edge and nginx give them, bodies that nobody reads counted and forgotten. For everything
 * else there is {@link ViewerClient} by undici.
 * @param socketPath sends all requests to a unix socket instead of their URL's host
 */
export function createLightClients(socketPath?: string): () => ViewerClient {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  return () => new LightClient(buffer, socketPath);
}

class LightClient implements ViewerClient {
  readonly #buffer: Buffer;
  readonly #socketPath: string | undefined;
  readonly #idle = new Map<string, LightConnection[]>();
  readonly #open = new Set<LightConnection>();
  #closed = false;

  constructor(buffer: Buffer, socketPath: string | undefined) {
    this.#buffer = buffer;
    this.#socketPath = socketPath;
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
    const used = idle.pop();
    const connection = used ?? this.#connect({ host, port: Number(port) });
    const question = text(path, origin);
    const answer = await connection.ask(question, discard).catch((error: unknown) => {
      // The server may close a connection that was idle in the moment in which it is used again (RFC 9112 9.3.1).
      if (used === undefined || connection.answering || this.#closed) throw error;
      return null;
    });
    if (answer === null) return this.#ask(url, text, discard);
    if (connection.usable) idle.push(connection);
    return answer;
  }

  #connect({ host, port }: Origin): LightConnection {
    if (this.#closed) throw new Error('the client is closed');
    const address = this.#socketPath === undefined ? { host, port } : { path: this.#socketPath };
    const connection: LightConnection = new LightConnection(address, this.#buffer, () => this.#open.delete(connection));
    this.#open.add(connection);
    return connection;
  }
}
