import { type Dispatcher, request } from 'undici';
import { ApiError, apiErrorOf, unreachable } from './api-error.ts';
import type { Connection } from './connection.ts';

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

/** As many calls as workers are under way, and a few more; the API server is the limit, not we. */
const CALL_CONNECTIONS = 16;
/** Longer than the reflector's own limit for silence: this one is for watches of others. */
const WATCH_SILENCE_SECONDS = 300;
/** A page of 500 large objects is below 50 MiB; what is larger would endanger our memory limit. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
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
  readonly #host: string;
  #dispatchers: Dispatchers;
  #renewedAt: number;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#host = new URL(options.connection.server).host;
    this.#dispatchers = createDispatchers(options);
    this.#renewedAt = options.now();
  }

  /** The parsed body of a successful answer. @throws ApiError for everything else */
  async call(call: Call, signal?: AbortSignal): Promise<unknown> {
    const deadline = AbortSignal.timeout(this.#options.callTimeoutSeconds * 1000);
    const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    const response = await this.#send(call, this.#dispatchers.calls, either);
    const text = await readBody(labelOf(call), response.body);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw unreadable(labelOf(call), cause);
    }
  }

  /** The body of a successful answer, as it comes in. @throws ApiError for everything else */
  async stream(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
    return (await this.#send(call, this.#dispatchers.watches, signal)).body;
  }

  /** Ends everything that is under way. */
  async close(): Promise<void> {
    const { calls, watches } = this.#dispatchers;
    await Promise.all([calls.destroy(), watches.destroy()]);
  }

  async #send(call: Call, dispatcher: Dispatcher, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await this.#request(call, dispatcher, signal);
    this.#options.observer?.onCall(call.method, String(response.statusCode), this.#host);
    if (response.statusCode < 300) return response;
    // A rotated client certificate is read from disk again; tokens are read for each request anyway.
    if (response.statusCode === 401) this.#renew();
    const retryAfter = response.headers['retry-after'];
    const body = await readBody(labelOf(call), response.body).catch(() => '');
    throw apiErrorOf(labelOf(call), response.statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, body);
  }

  async #request(call: Call, dispatcher: Dispatcher, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { connection, observer } = this.#options;
    try {
      return await request(`${connection.server}${call.path}`, {
        method: call.method,
        dispatcher,
        signal,
        headers: {
          accept: call.accept ?? 'application/json',
          ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
          ...(await connection.authorization()),
        },
        ...(call.body === undefined ? {} : { body: call.body }),
      });
    } catch (cause) {
      observer?.onCall(call.method, '<error>', this.#host);
      if (isCertificateFault(cause)) this.#renew();
      throw unreachable(labelOf(call), cause);
    }
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

async function readBody(call: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MAX_RESPONSE_BYTES) {
        throw new ApiError(`${call}: the answer is larger than ${MAX_RESPONSE_BYTES} bytes`, {
          code: 'ResponseTooLarge',
          retryable: false,
        });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ApiError ? error : unreachable(call, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isCertificateFault(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return code.includes('CERT') || code.includes('SIGNATURE') || code.startsWith('ERR_SSL');
}
