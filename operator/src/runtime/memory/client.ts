import { ApiError, apiErrorOf } from '../client/api-error.ts';
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
} from '../client/client.ts';
import { collectionPath } from '../client/paths.ts';
import { readObject } from '../client/read-object.ts';
import { StatusAnswer } from './answer.ts';
import type { JsonObject } from './fields.ts';
import { listPage } from './list.ts';
import type { ObjectStore } from './object-store.ts';
import type { Part } from './ownership.ts';
import { requireNamespace } from './request.ts';
import type { ServedKind } from './served-kind.ts';
import { openWatch, type SelectionRequest, type WatchEventType } from './watch.ts';

/** As often as the real server sends them; a reflector takes a watch without any for dead. */
const BOOKMARK_MILLISECONDS = 60_000;
/** A reader that is this far behind loses its watch, as at the real server, and comes back with a list. */
const QUEUE_LIMIT = 10_000;

/** A client of a store in the same process. It behaves like a client over HTTP, errors included. */
export function createMemoryClient(store: ObjectStore): Client {
  return new MemoryClient(store);
}

class MemoryClient implements Client {
  readonly #store: ObjectStore;
  readonly #closing = new AbortController();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async get<T extends KubernetesObject>(type: ResourceType<T>, { namespace, name }: ObjectName): Promise<T | null> {
    try {
      return this.#written(type, 'GET', (kind) => this.#store.get(kind, namespace, name));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'NotFound') return null;
      throw error;
    }
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    selection: Selection,
    page: PageOptions,
  ): Promise<ListPage> {
    return this.#call(type, 'GET', (kind) =>
      listPage(this.#store, {
        ...selectionOf(kind, selection),
        limit: page.limit,
        continueToken: page.continueToken,
        resourceVersion: page.resourceVersion ?? '',
      }),
    );
  }

  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const queue = new EventQueue(AbortSignal.any([signal, this.#closing.signal]));
    const { resourceVersion, timeoutSeconds } = options;
    const watch = this.#call(type, 'GET', (kind) => {
      const request = { ...selectionOf(kind, options), resourceVersion, timeoutSeconds, bookmarks: true };
      return openWatch(this.#store, request, queue);
    });
    const bookmarks = setInterval(() => watch.bookmark(), BOOKMARK_MILLISECONDS).unref();
    try {
      yield* queue.events();
    } finally {
      clearInterval(bookmarks);
      watch.close();
    }
  }

  async create<T extends KubernetesObject>(type: ResourceType<T>, object: ApplyConfiguration): Promise<T> {
    return this.#written(type, 'POST', (kind) => this.#store.create(kind, bodyOf(kind, object), 'unknown'));
  }

  async apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<T> {
    return this.#apply(type, 'object', configuration, fieldManager);
  }

  async applyStatus<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<WrittenObject> {
    return this.#apply(type, 'status', configuration, fieldManager);
  }

  async delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    { namespace, name }: ObjectName,
    { uid, gracePeriodSeconds }: DeleteOptions = {},
  ): Promise<boolean> {
    try {
      this.#call(type, 'DELETE', (kind) => this.#store.delete(kind, namespace, name, uid, gracePeriodSeconds));
      return true;
    } catch (error) {
      const isOther = uid !== undefined && error instanceof ApiError && error.code === 'Conflict';
      if (isOther || (error instanceof ApiError && error.code === 'NotFound')) return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new ApiError('the client is closed', { code: 'Unreachable', retryable: true, status: 503 }));
  }

  #apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    part: Part,
    object: ApplyConfiguration,
    manager: string,
  ): T {
    return this.#written(type, 'PATCH', (kind) => this.#store.apply(kind, part, bodyOf(kind, object), manager, true));
  }

  #written<T extends KubernetesObject>(
    type: ResourceType<T>,
    method: string,
    write: (kind: ServedKind) => JsonObject,
  ): T {
    return readObject(type, this.#call(type, method, write));
  }

  /** @throws ApiError as the client over HTTP would for the same answer */
  #call<R>(type: ResourceType<KubernetesObject>, method: string, call: (kind: ServedKind) => R): R {
    const label = `${method} ${collectionPath(type, '')}`;
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    const kind = this.#store.kindOf(type);
    if (kind === null) throw apiErrorOf(label, 404, undefined, '');
    try {
      return call(kind);
    } catch (error) {
      if (error instanceof StatusAnswer) {
        throw apiErrorOf(label, error.status, undefined, JSON.stringify(error.body()));
      }
      throw error;
    }
  }
}

/** Events between a store, which never waits, and a reader. */
class EventQueue {
  readonly #signal: AbortSignal;
  #waiting: WatchEvent[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  send(type: WatchEventType, object: JsonObject): void {
    if (this.#waiting.length >= QUEUE_LIMIT) this.#ended = true;
    if (!this.#ended) this.#waiting.push({ type, object });
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** @throws the signal's reason */
  async *events(): AsyncGenerator<WatchEvent> {
    const wake = () => this.#wake();
    this.#signal.addEventListener('abort', wake);
    try {
      for (;;) {
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const event of waiting) {
          this.#signal.throwIfAborted();
          yield event;
        }
        this.#signal.throwIfAborted();
        if (this.#waiting.length > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#signal.removeEventListener('abort', wake);
    }
  }
}

function selectionOf(kind: ServedKind, selection: Selection): SelectionRequest {
  return {
    kind,
    namespace: selection.namespace ?? '',
    labelSelector: selection.labelSelector ?? '',
    fieldSelector: selection.fieldSelector ?? '',
  };
}

/** As it would arrive over HTTP: without undefined fields, and nobody else's to change. */
function bodyOf(kind: ServedKind, object: ApplyConfiguration): JsonObject {
  requireNamespace(kind, object.metadata.namespace ?? '');
  return JSON.parse(JSON.stringify(object)) as JsonObject;
}
