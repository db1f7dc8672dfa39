import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { rawMetadataOf } from '../cache/raw-metadata.ts';
import { ApiError, hasReason, unreachable } from './api-error.ts';
import type {
  ApplyConfiguration,
  Client,
  DeleteOptions,
  KubernetesObject,
  ListPage,
  ObjectName,
  PageOptions,
  ResourceType,
  Selection,
  WatchEvent,
  WatchOptions,
  WrittenObject,
} from './client.ts';
import type { Connection } from './connection.ts';
import { linesOf } from './lines.ts';
import { collectionPath, objectPath, selectionQuery } from './paths.ts';
import { readObject } from './read-object.ts';
import { readScale, type Scale, scaleBody } from './scale.ts';
import { type Call, type CallObserver, labelOf, Transport, unreadable } from './transport.ts';

export type { CallObserver } from './transport.ts';

/** How the HTTP client behaves. */
export interface HttpClientOptions {
  readonly connection: Connection;
  /**
   * HTTP/2 instead of an HTTP/1.1 pool; default false: against a real API server the pool carried 1.6 times as many
   * writes at 0.7 of the CPU (16 under way).
   */
  readonly allowH2?: boolean;
  readonly observer?: CallObserver;
  /** Until an answer begins, and in all for a call; default 30. */
  readonly callTimeoutSeconds?: number;
  /** Waits between attempts of one call, for tests. */
  readonly wait?: (milliseconds: number) => Promise<unknown>;
  /** Milliseconds of a clock that never goes back, for tests. */
  readonly now?: () => number;
}

/** The API server itself gives up after 60 s; a busy one answers in half of that. */
const CALL_TIMEOUT_SECONDS = 30;
/** A call is tried this often; more would only hide from the caller that the server is away. */
const ATTEMPTS = 3;
/** Before a read is repeated, times the number of the attempt, where the server names no time. */
const READ_RETRY_SECONDS = 0.2;
/** A Retry-After above this is left to the caller's own back-off. */
const MAX_RETRY_AFTER_SECONDS = 10;

/** The shortest answer that an API server gives for an object; one that does not know it answers with the whole. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default(''), continue: z.string().default('') }),
  items: z.array(z.unknown()).nullable(),
});
const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

/** A client over HTTP; watches have connections of their own, so that a stalled one cannot hold up writes. */
export function createHttpClient(options: HttpClientOptions): Client {
  return new HttpClient(options);
}

class HttpClient implements Client {
  readonly #transport: Transport;
  readonly #wait: (milliseconds: number) => Promise<unknown>;

  constructor(options: HttpClientOptions) {
    this.#transport = new Transport({
      connection: options.connection,
      observer: options.observer,
      allowH2: options.allowH2 ?? false,
      callTimeoutSeconds: options.callTimeoutSeconds ?? CALL_TIMEOUT_SECONDS,
      now: options.now ?? (() => performance.now()),
    });
    this.#wait = options.wait ?? sleep;
  }

  async get<T extends KubernetesObject>(type: ResourceType<T>, name: ObjectName): Promise<T | null> {
    try {
      return readObject(type, await this.#call({ method: 'GET', path: objectPath(type, name) }));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return null;
      throw error;
    }
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    selection: Selection,
    page: PageOptions,
  ): Promise<ListPage> {
    const query = selectionQuery(selection, {
      limit: String(page.limit),
      ...(page.continueToken === '' ? {} : { continue: page.continueToken }),
      ...(page.resourceVersion === undefined ? {} : { resourceVersion: page.resourceVersion }),
    });
    const call: Call = { method: 'GET', path: collectionPath(type, selection.namespace ?? '') + query };
    const answer = listSchema.safeParse(await this.#call(call, page.signal));
    if (!answer.success) throw unreadable(labelOf(call), answer.error);
    const { metadata, items } = answer.data;
    return { items: items ?? [], resourceVersion: metadata.resourceVersion, continueToken: metadata.continue };
  }

  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const query = selectionQuery(options, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    });
    const call: Call = { method: 'GET', path: collectionPath(type, options.namespace ?? '') + query };
    const body = await this.#transport.stream(call, signal);
    try {
      for await (const line of linesOf(body)) yield eventOf(call, line);
    } catch (error) {
      throw error instanceof ApiError || signal.aborted ? error : unreachable(labelOf(call), error);
    } finally {
      body.destroy();
    }
  }

  async create<T extends KubernetesObject>(type: ResourceType<T>, object: ApplyConfiguration): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace ?? '');
    const call: Call = { method: 'POST', path, contentType: 'application/json', body: JSON.stringify(object) };
    return readObject(type, await this.#call(call));
  }

  async apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<T> {
    return readObject(type, await this.#call(applyCall(type, configuration.metadata, configuration, fieldManager, '')));
  }

  async applyStatus<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<WrittenObject> {
    const call = {
      ...applyCall(type, configuration.metadata, configuration, fieldManager, 'status'),
      accept: METADATA_ONLY,
    };
    return { metadata: rawMetadataOf(await this.#call(call)) };
  }

  async getScale<T extends KubernetesObject>(type: ResourceType<T>, name: ObjectName): Promise<Scale | null> {
    const call: Call = { method: 'GET', path: objectPath(type, name, 'scale') };
    try {
      return scaleIn(call, await this.#call(call));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return null;
      throw error;
    }
  }

  async applyScale<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: ObjectName,
    replicas: number,
    fieldManager: string,
  ): Promise<void> {
    await this.#call(applyCall(type, name, scaleBody(name, replicas), fieldManager, 'scale'));
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
      ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    });
    try {
      await this.#call({ method: 'DELETE', path: objectPath(type, name), contentType: 'application/json', body });
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      // Nearly always the precondition: the object of that uid is gone, another has its name. Else a lost race.
      const isOther = options.uid !== undefined && hasReason(error, 'Conflict');
      if (isOther && (await this.get(type, name))?.metadata.uid !== options.uid) return false;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #call(call: Call, signal?: AbortSignal): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#transport.call(call, signal);
      } catch (error) {
        const seconds = retrySeconds(call, error, attempt);
        if (seconds === null || attempt === ATTEMPTS || signal?.aborted === true) throw error;
        await this.#wait(seconds * 1000);
      }
    }
  }
}

function applyCall<T extends KubernetesObject>(
  type: ResourceType<T>,
  { name, namespace = '' }: Pick<KubernetesObject['metadata'], 'name' | 'namespace'>,
  body: object,
  fieldManager: string,
  subresource: string,
): Call {
  const query = `?fieldManager=${encodeURIComponent(fieldManager)}&force=true`;
  const path = objectPath(type, { namespace, name }, subresource) + query;
  return { method: 'PATCH', path, contentType: 'application/apply-patch+yaml', body: JSON.stringify(body) };
}

/**
 * Seconds until a failed call is repeated, or null if it must not be: reads where that may help, writes only where the
 * server refused them unread (429, RFC 6585; the API server's flow control).
 */
function retrySeconds(call: Call, error: unknown, attempt: number): number | null {
  if (!(error instanceof ApiError) || !error.retryable || error.code === 'Expired') return null;
  if (call.method !== 'GET' && error.status !== 429) return null;
  const seconds = error.retryAfterSeconds ?? READ_RETRY_SECONDS * attempt;
  return seconds > MAX_RETRY_AFTER_SECONDS ? null : seconds;
}

/** @throws ApiError `Unreadable` */
function scaleIn(call: Call, answer: unknown): Scale {
  try {
    return readScale(answer);
  } catch (cause) {
    throw unreadable(labelOf(call), cause);
  }
}

/** @throws ApiError `Unreadable` */
function eventOf(call: Call, line: string): WatchEvent {
  try {
    return eventSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw unreadable(labelOf(call), cause);
  }
}
