import { type Dispatcher, request } from 'undici';
import { ApiError, apiErrorOf, unreachable } from './api-error.ts';
import type { Connection } from './connection.ts';
import { type Answer, exchange } from './exchange.ts';

/** What the client reports about each call. */
export interface CallObserver {
  /** @param code HTTP status, or `<error>` where there was no answer (client-go's label) */
  onCall(method: string, code: string, host: string): void;
}

/** One HTTP request. */
export interface Call {
  readonly method: Dispatcher.HttpMethod;
  /** With query. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  /** Media types of the answer; JSON of the whole object if left out. */
  readonly accept?: string;
}

/** What a transport is made of. */
export interface TransportOptions {
  readonly connection: Connection;
  /** HTTP/2 instead of an HTTP/1.1 pool. */
  readonly allowH2: boolean;
  readonly observer?: CallObserver | undefined;
  /** Until an answer begins, and in all for a call. */
  readonly callTimeoutSeconds: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** As many calls as the workers of some controllers have under way, and a few more: the API server is the limit, not we. */
const CALL_CONNECTIONS = 32;
/** Longer than the reflector's own limit for silence: this one is for watches of others. */
const WATCH_SILENCE_SECONDS = 300;
/** A refusal is a metav1.Status; what a proxy in between writes instead is cut off. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** Certificates are read again at most this often, so that a server that refuses us is not met by a storm of TLS. */
const RENEWAL_MILLISECONDS = 10_000;

interface Dispatchers {
  readonly calls: Dispatcher;
  readonly watches: Dispatcher;
}

/**
 * Sends requests to one API server: calls and watches over connections of their own, so that a stalled watch cannot
 * hold up a write; certificates are read again when the server no longer takes them.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #origin: string;
  /** Part of each path, where several API servers stand behind one host; empty otherwise. */
  readonly #prefix: string;
  readonly #host: string;
  #dispatchers: Dispatchers;
  #renewedAt: number;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { origin, host, pathname } = new URL(options.connection.server);
    this.#origin = origin;
    this.#prefix = pathname === '/' ? '' : pathname;
    this.#host = host;
    this.#dispatchers = createDispatchers(options);
    this.#renewedAt = options.now();
  }

  /** The parsed body of a successful answer. @throws ApiError for everything else */
  async call(call: Call, signal?: AbortSignal): Promise<unknown> {
    const { status, retryAfter, text } = await this.#exchange(call, signal);
    if (status >= 300) throw this.#refusal(call, status, retryAfter, text);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw unreadable(labelOf(call), cause);
    }
  }

  /** The body of a successful answer, as it comes in. @throws ApiError for everything else */
  async stream(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
    const { statusCode, headers, body } = await this.#open(call, signal);
    this.#count(call, String(statusCode));
    if (statusCode < 300) return body;
    const retryAfter = headers['retry-after'];
    const text = await startOf(body).catch(() => '');
    throw this.#refusal(call, statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, text);
  }

  /** Ends everything that is under way. */
  async close(): Promise<void> {
    const { calls, watches } = this.#dispatchers;
    await Promise.all([calls.destroy(), watches.destroy()]);
  }

  async #exchange(call: Call, signal: AbortSignal | undefined): Promise<Answer> {
    let isAnswered = false;
    const onStatus = (status: number): void => {
      isAnswered = true;
      this.#count(call, String(status));
    };
    try {
      return await exchange(this.#dispatchers.calls, {
        origin: this.#origin,
        path: this.#prefix + call.path,
        method: call.method,
        headers: await this.#headers(call),
        body: call.body,
        timeoutMilliseconds: this.#options.callTimeoutSeconds * 1000,
        signal,
        onStatus,
      });
    } catch (cause) {
      throw cause instanceof ApiError ? cause : this.#failed(call, cause, isAnswered);
    }
  }

  async #open(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, path } = call;
    try {
      const headers = await this.#headers(call);
      const dispatcher = this.#dispatchers.watches;
      return await request(`${this.#origin}${this.#prefix}${path}`, { method, dispatcher, signal, headers });
    } catch (cause) {
      throw this.#failed(call, cause, false);
    }
  }

  async #headers({ accept = 'application/json', contentType }: Call): Promise<Record<string, string>> {
    const authorization = await this.#options.connection.authorization();
    return { accept, ...(contentType === undefined ? {} : { 'content-type': contentType }), ...authorization };
  }

  #count({ method }: Call, code: string): void {
    this.#options.observer?.onCall(method, code, this.#host);
  }

  #refusal(call: Call, status: number, retryAfter: string | undefined, text: string): ApiError {
    // A rotated client certificate is read from disk again; tokens are read again anyway.
    if (status === 401) this.#renew();
    return apiErrorOf(labelOf(call), status, retryAfter, text);
  }

  #failed(call: Call, cause: unknown, isAnswered: boolean): ApiError {
    if (!isAnswered) this.#count(call, '<error>');
    if (isCertificateFault(cause)) this.#renew();
    return unreachable(labelOf(call), cause);
  }

  /** Calls under way on the old connections end by themselves. */
  #renew(): void {
    const { now } = this.#options;
    if (now() - this.#renewedAt < RENEWAL_MILLISECONDS) return;
    this.#renewedAt = now();
    const old = this.#dispatchers;
    try {
      this.#dispatchers = createDispatchers(this.#options);
    } catch {
      return; // A certificate is just being replaced: the old connections do until the next attempt.
    }
    for (const dispatcher of [old.calls, old.watches]) dispatcher.close().catch(() => {});
  }
}

function createDispatchers({ connection, allowH2, callTimeoutSeconds }: TransportOptions): Dispatchers {
  const create = (bodyTimeoutSeconds: number, connections: number | null) =>
    connection.createDispatcher({
      headersTimeoutSeconds: callTimeoutSeconds,
      bodyTimeoutSeconds,
      connections,
      allowH2,
    });
  // A watch holds its connection for minutes: a limit would keep the next kind waiting for ever.
  return { calls: create(callTimeoutSeconds, CALL_CONNECTIONS), watches: create(WATCH_SILENCE_SECONDS, null) };
}

/** The error for an answer of success that cannot be understood, e.g. of a proxy in between. */
export function unreadable(call: string, cause: unknown): ApiError {
  return new ApiError(`${call}: the answer is not what an API server sends`, {
    code: 'Unreadable',
    retryable: true,
    status: 502,
    cause,
  });
}

/** Method and path without the query, for messages. */
export function labelOf({ method, path }: Call): string {
  return `${method} ${path.split('?')[0]}`;
}

async function startOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_REFUSAL_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isCertificateFault(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return code.includes('CERT') || code.includes('SIGNATURE') || code.startsWith('ERR_SSL');
}
