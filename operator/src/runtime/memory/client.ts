import { EventEmitter, on } from 'node:events';
import { ApiError, apiErrorOf, hasReason } from '../client/api-error.ts';
import type { ApplyConfiguration, Client, KubernetesObject, ResourceType } from '../client/client.ts';
import { collectionPath } from '../client/paths.ts';
import { readObject } from '../client/read-object.ts';
import { readScale } from '../client/scale.ts';
import { StatusAnswer } from './answer.ts';
import type { JsonObject } from './fields.ts';
import type { ObjectStore, Part } from './object-store.ts';
import { bookmarkOf, follow, isSelected } from './selection.ts';
import type { ServedKind } from './served-kind.ts';

/** As often as the real server sends them; a reflector takes a watch without any for dead. */
const BOOKMARK_MILLISECONDS = 60_000;

/** A client of a store in the same process. It behaves like a client over HTTP, errors included; lists have one page. */
export function createMemoryClient(store: ObjectStore): Client {
  const closing = new AbortController();

  /** @throws ApiError as the client over HTTP would for the same answer */
  function call<R>(type: ResourceType<KubernetesObject>, method: string, act: (kind: ServedKind) => R): R {
    const label = `${method} ${collectionPath(type, '')}`;
    closing.signal.throwIfAborted();
    const kind = store.kindOf(type);
    if (kind === null) throw apiErrorOf(label, 404, undefined, '');
    try {
      return act(kind);
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error;
      const { status, reason, message } = error;
      throw apiErrorOf(label, status, undefined, JSON.stringify({ reason, message }));
    }
  }

  async function apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    part: Part,
    object: ApplyConfiguration,
    manager: string,
  ): Promise<T> {
    const written = call(type, 'PATCH', (kind) => store.apply(kind, part, sent(object), manager));
    return readObject(type, written);
  }

  return {
    async get(type, { namespace, name }) {
      const object = call(type, 'GET', (kind) => store.find(kind, namespace, name));
      return object === undefined ? null : readObject(type, object);
    },
    async list(type, selection) {
      return call(type, 'GET', (kind) => {
        const items = store.list(kind).filter((object) => isSelected(selection, object));
        return { items, resourceVersion: String(store.resourceVersion), continueToken: '' };
      });
    },
    async *watch(type, options, signal) {
      const emitter = new EventEmitter();
      const events = on(emitter, 'event', { signal: AbortSignal.any([signal, closing.signal]) });
      const end = call(type, 'GET', (kind) => follow(store, kind, options, (event) => emitter.emit('event', event)));
      const bookmarks = setInterval(() => emitter.emit('event', bookmarkOf(store)), BOOKMARK_MILLISECONDS).unref();
      try {
        for await (const [event] of events) yield event;
      } finally {
        clearInterval(bookmarks);
        end();
      }
    },
    async create(type, object) {
      const created = call(type, 'POST', (kind) => store.create(kind, sent(object), 'unknown'));
      return readObject(type, created);
    },
    apply: (type, object, manager) => apply(type, 'object', object, manager),
    applyStatus: (type, object, manager) => apply(type, 'status', object, manager),
    async getScale(type, { namespace, name }) {
      const object = call(type, 'GET', (kind) => store.find(kind, namespace, name));
      return object === undefined ? null : readScale(object);
    },
    async applyScale(type, name, replicas, manager) {
      call(type, 'PATCH', (kind) => store.applyScale(kind, name, replicas, manager));
    },
    async delete(type, { namespace, name }, { uid, gracePeriodSeconds } = {}) {
      try {
        call(type, 'DELETE', (kind) => store.delete(kind, namespace, name, { uid, graceSeconds: gracePeriodSeconds }));
        return true;
      } catch (error) {
        if (hasReason(error, 'NotFound') || (uid !== undefined && hasReason(error, 'Conflict'))) return false;
        throw error;
      }
    },
    async close() {
      closing.abort(new ApiError('the client is closed', { code: 'Unreachable', retryable: true, status: 503 }));
    },
  };
}

/** As it would arrive over HTTP: without undefined fields, and nobody else's to change. */
function sent(object: ApplyConfiguration): JsonObject {
  return JSON.parse(JSON.stringify(object)) as JsonObject;
}
