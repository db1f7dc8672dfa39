import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { ApiError, apiErrorOf, unreachable } from './api-error.ts';
import type {
  ApplyConfiguration,
  Client,
  DeleteOptions,
  KubernetesObject,
  ListPage,
  ObjectName,
  ResourceType,
  Selection,
  WatchEvent,
  WatchOptions,
} from './client.ts';
import type { Connection } from './connection.ts';
import { linesOf } from './lines.ts';
import { collectionPath, objectPath, selectionQuery } from './paths.ts';

/** What the client reports about each call. */
export interface CallObserver {
  /** @param code HTTP status, or `<error>` where there was no answer (client-go's label) */
  onCall(method: string, code: string, host: string): void;
}

/** How the HTTP client behaves. */
export interface HttpClientOptions {
  readonly connection: Connection;
  /** One HTTP/2 connection instead of an HTTP/1.1 pool; default true. */
  readonly allowH2?: boolean;
  readonly observer?: CallObserver;
}

/** A whole call; the API server itself gives up after 60 s, a busy one still answers within half of that. */
const CALL_TIMEOUT_SECONDS = 30;
/** A page of 500 large objects is below 50 MiB; what is larger would endanger our memory limit. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** Bookmarks come about once a minute: a watch silent for twice as long, and a little, is dead. */
const WATCH_SILENCE_SECONDS = 150;
/** Reads are repeated this often; more would only hide from the caller that the server is away. */
const READ_ATTEMPTS = 3;
/** A Retry-After above this is left to the caller's own back-off. */
const MAX_RETRY_AFTER_SECONDS = 10;

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default(''), continue: z.string().default('') }),
  items: z.array(z.unknown()).nullable(),
});
const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

interface Call {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

/** A client over HTTP; watches have connections of their own, so that a stalled one cannot hold up writes. */
export function createHttpClient(options: HttpClientOptions): Client {
  return new HttpClient(options);
}

class HttpClient implements Client {
  readonly #connection: Connection;
  readonly #observer: CallObserver | undefined;
  readonly #allowH2: boolean;
  #calls: Agent;
  #watches: Agent;

  constructor({ connection, observer, allowH2 = true }: HttpClientOptions) {
    this.#connection = connection;
    this.#observer = observer;
    this.#allowH2 = allowH2;
    this.#calls = this.#createAgent(CALL_TIMEOUT_SECONDS);
    this.#watches = this.#createAgent(WATCH_SILENCE_SECONDS);
  }

  async get<T extends KubernetesObject>(type: ResourceType<T>, name: ObjectName): Promise<T | null> {
    try {
      return type.parse(await this.#read(objectPath(type, name)));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    selection: Selection,
    page: { readonly limit: number; readonly continueToken: string; readonly resourceVersion?: string },
  ): Promise<ListPage> {
    const query = selectionQuery(selection, {
      limit: String(page.limit),
      ...(page.continueToken === '' ? {} : { continue: page.continueToken }),
      ...(page.resourceVersion === undefined ? {} : { resourceVersion: page.resourceVersion }),
    });
    const answer = listSchema.parse(await this.#read(collectionPath(type, selection.namespace ?? '') + query));
    return {
      items: answer.items ?? [],
      resourceVersion: answer.metadata.resourceVersion,
      continueToken: answer.metadata.continue,
    };
  }

  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const path =
      collectionPath(type, options.namespace ?? '') +
      selectionQuery(options, {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
      });
    const call = `watch ${type.plural}`;
    const response = await this.#send({ method: 'GET', path }, this.#watches, signal);
    if (response.statusCode !== 200) throw await this.#refusal(call, response);
    try {
      for await (const line of linesOf(response.body)) yield eventSchema.parse(JSON.parse(line));
    } catch (error) {
      if (error instanceof ApiError || signal.aborted) throw error;
      throw unreachable(call, error);
    } finally {
      response.body.destroy();
    }
  }

  async create<T extends KubernetesObject>(type: ResourceType<T>, object: ApplyConfiguration): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace ?? '');
    const call: Call = { method: 'POST', path, contentType: 'application/json', body: JSON.stringify(object) };
    return type.parse(await this.#call(call));
  }

  apply<T extends KubernetesObject>(type: ResourceType<T>, configuration: ApplyConfiguration, fieldManager: string) {
    return this.#apply(type, configuration, fieldManager, '');
  }

  applyStatus<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ) {
    return this.#apply(type, configuration, fieldManager, 'status');
  }

  async delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<boolean> {
    const body = JSON.stringify({
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: options.propagationPolicy ?? 'Background',
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    });
    try {
      await this.#call({ method: 'DELETE', path: objectPath(type, name), contentType: 'application/json', body });
      return true;
    } catch (error) {
      // A conflict is the precondition: the object of that uid is gone, another has its name.
      if (error instanceof ApiError && (error.status === 404 || (error.status === 409 && options.uid !== undefined))) {
        return false;
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#watches.destroy()]);
  }

  async #apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
    subresource: string,
  ): Promise<T> {
    const { name, namespace = '' } = configuration.metadata;
    const query = `?fieldManager=${encodeURIComponent(fieldManager)}&force=true`;
    const path = objectPath(type, { namespace, name }, subresource) + query;
    const contentType = 'application/apply-patch+yaml';
    return type.parse(await this.#call({ method: 'PATCH', path, contentType, body: JSON.stringify(configuration) }));
  }

  async #read(path: string): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#call({ method: 'GET', path });
      } catch (error) {
        const again = error instanceof ApiError && error.retryable && error.code !== 'Expired';
        const wait = error instanceof ApiError ? (error.retryAfterSeconds ?? 0.2 * attempt) : 0;
        if (!again || attempt === READ_ATTEMPTS || wait > MAX_RETRY_AFTER_SECONDS) throw error;
        await sleep(wait * 1000);
      }
    }
  }

  async #call(call: Call): Promise<unknown> {
    const label = `${call.method} ${call.path.split('?')[0]}`;
    const signal = AbortSignal.timeout(CALL_TIMEOUT_SECONDS * 1000);
    const response = await this.#send(call, this.#calls, signal);
    if (response.statusCode >= 300) throw await this.#refusal(label, response);
    return JSON.parse(await readBody(label, response.body));
  }

  async #send(call: Call, agent: Agent, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { server } = this.#connection;
    const host = new URL(server).host;
    try {
      const response = await request(`${server}${call.path}`, {
        method: call.method,
        dispatcher: agent,
        signal,
        headers: {
          accept: 'application/json',
          ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
          ...(await this.#connection.authorization()),
        },
        ...(call.body === undefined ? {} : { body: call.body }),
      });
      this.#observer?.onCall(call.method, String(response.statusCode), host);
      return response;
    } catch (cause) {
      this.#observer?.onCall(call.method, '<error>', host);
      if (isCertificateFault(cause)) this.#renewConnections();
      throw unreachable(`${call.method} ${call.path.split('?')[0]}`, cause);
    }
  }

  async #refusal(call: string, response: Dispatcher.ResponseData): Promise<ApiError> {
    // A rotated client certificate is read from disk again; tokens are read for each request anyway.
    if (response.statusCode === 401) this.#renewConnections();
    const retryAfter = response.headers['retry-after'];
    const body = await readBody(call, response.body).catch(() => '');
    return apiErrorOf(call, response.statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, body);
  }

  #createAgent(bodyTimeoutSeconds: number): Agent {
    return this.#connection.createDispatcher({
      headersTimeoutSeconds: CALL_TIMEOUT_SECONDS,
      bodyTimeoutSeconds,
      allowH2: this.#allowH2,
    });
  }

  /** Calls under way on the old connections end by themselves. */
  #renewConnections(): void {
    const old = [this.#calls, this.#watches];
    this.#calls = this.#createAgent(CALL_TIMEOUT_SECONDS);
    this.#watches = this.#createAgent(WATCH_SILENCE_SECONDS);
    for (const agent of old) agent.close().catch(() => {});
  }
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
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code.includes('CERT') || code.includes('SELF_SIGNED') || code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
}
