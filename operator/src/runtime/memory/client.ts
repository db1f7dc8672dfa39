import { EventEmitter, on } from 'node:events';
import { ApiError, hasReason, notServed } from '../client/api-error.ts';
import type { ApplyConfiguration, Client, KubernetesObject, ResourceType } from '../client/client.ts';
import { readObject } from '../client/read-object.ts';
import { readScale } from '../client/scale.ts';
import type { JsonObject } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { bookmarkOf, follow, isSelected } from './selection.ts';
import type { ServedKind } from './served-kind.ts';

/** As often as the real server sends them; a reflector takes a watch without any for dead. */
const BOOKMARK_MILLISECONDS = 60_000;

/** A client of a store in the same process. It behaves like a client over HTTP, errors included; lists have one page. */
export function createMemoryClient(store: ObjectStore): Client {
  const closing = new AbortController();

  function kindOf(type: ResourceType<KubernetesObject>): ServedKind {
    closing.signal.throwIfAborted();
    const kind = store.kindOf(type);
    if (kind === null) throw notServed(type.plural);
    return kind;
  }

  return {
    async get(type, { namespace, name }) {
      const object = store.find(kindOf(type), namespace, name);
      return object === undefined ? null : readObject(type, object);
    },
    async list(type, selection) {
      const items = store.list(kindOf(type)).filter((object) => isSelected(selection, object));
      return { items, resourceVersion: String(store.resourceVersion), continueToken: '' };
    },
    async *watch(type, options, signal) {
      const emitter = new EventEmitter();
      const events = on(emitter, 'event', { signal: AbortSignal.any([signal, closing.signal]) });
      const end = follow(store, kindOf(type), options, (event) => emitter.emit('event', event));
      const bookmarks = setInterval(() => emitter.emit('event', bookmarkOf(store)), BOOKMARK_MILLISECONDS).unref();
      try {
        for await (const [event] of events) yield event;
      } finally {
        clearInterval(bookmarks);
        end();
      }
    },
    async create(type, object) {
      return readObject(type, store.create(kindOf(type), sent(object), 'unknown'));
    },
    async apply(type, object, manager) {
      return readObject(type, store.apply(kindOf(type), 'object', sent(object), manager));
    },
    async applyStatus(type, object, manager) {
      return readObject(type, store.apply(kindOf(type), 'status', sent(object), manager));
    },
    async getScale(type, { namespace, name }) {
      const object = store.find(kindOf(type), namespace, name);
      return object === undefined ? null : readScale(object);
    },
    async applyScale(type, name, replicas, manager) {
      store.applyScale(kindOf(type), name, replicas, manager);
    },
    async delete(type, { namespace, name }, { uid, gracePeriodSeconds } = {}) {
      try {
        store.delete(kindOf(type), namespace, name, { uid, graceSeconds: gracePeriodSeconds });
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
