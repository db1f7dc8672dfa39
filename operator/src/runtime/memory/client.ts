import { EventEmitter, on } from 'node:events';
import { ApiError, apiErrorOf, hasReason } from '../client/api-error.ts';
import type { ApplyConfiguration, Client, KubernetesObject, ResourceType, Selection } from '../client/client.ts';
import { collectionPath } from '../client/paths.ts';
import { readObject } from '../client/read-object.ts';
import { readScale, scaleBody } from '../client/scale.ts';
import { StatusAnswer } from './answer.ts';
import type { JsonObject } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { requireNamespace } from './request.ts';
import { applyScaleTo, scaleOf } from './scale.ts';
import { listPage, type SelectionRequest } from './selection.ts';
import type { ServedKind } from './served-kind.ts';
import { openWatch } from './watch.ts';

/** As often as the real server sends them; a reflector takes a watch without any for dead. */
const BOOKMARK_MILLISECONDS = 60_000;

/** A client of a store in the same process. It behaves like a client over HTTP, errors included. */
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
      throw apiErrorOf(label, error.status, undefined, JSON.stringify(error.body()));
    }
  }

  return {
    async get(type, { namespace, name }) {
      try {
        return readObject(
          type,
          call(type, 'GET', (kind) => store.get(kind, namespace, name)),
        );
      } catch (error) {
        if (hasReason(error, 'NotFound')) return null;
        throw error;
      }
    },
    async list(type, selection, page) {
      return call(type, 'GET', (kind) => listPage(store, { resourceVersion: '', ...page, ...select(kind, selection) }));
    },
    async *watch(type, options, signal) {
      const emitter = new EventEmitter();
      const events = on(emitter, 'event', { signal: AbortSignal.any([signal, closing.signal]), close: ['end'] });
      const watch = call(type, 'GET', (kind) =>
        openWatch(
          store,
          { ...options, ...select(kind, options), bookmarks: true },
          {
            send: (eventType, object) => void emitter.emit('event', { type: eventType, object }),
            end: () => void emitter.emit('end'),
          },
        ),
      );
      const bookmarks = setInterval(() => watch.bookmark(), BOOKMARK_MILLISECONDS).unref();
      try {
        for await (const [event] of events) yield event;
      } finally {
        clearInterval(bookmarks);
        watch.close();
      }
    },
    async create(type, object) {
      return readObject(
        type,
        call(type, 'POST', (kind) => store.create(kind, bodyOf(kind, object), 'unknown')),
      );
    },
    async apply(type, object, manager) {
      return readObject(
        type,
        call(type, 'PATCH', (kind) => store.apply(kind, 'object', bodyOf(kind, object), manager)),
      );
    },
    async applyStatus(type, object, manager) {
      return readObject(
        type,
        call(type, 'PATCH', (kind) => store.apply(kind, 'status', bodyOf(kind, object), manager)),
      );
    },
    async getScale(type, { namespace, name }) {
      try {
        return readScale(call(type, 'GET', (kind) => scaleOf(store.get(kind, namespace, name))));
      } catch (error) {
        if (hasReason(error, 'NotFound')) return null;
        throw error;
      }
    },
    async applyScale(type, name, replicas, manager) {
      call(type, 'PATCH', (kind) => applyScaleTo(store, kind, { ...scaleBody(name, replicas) }, manager));
    },
    async delete(type, { namespace, name }, { uid, gracePeriodSeconds } = {}) {
      try {
        call(type, 'DELETE', (kind) => store.delete(kind, namespace, name, uid, gracePeriodSeconds));
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

function select(kind: ServedKind, selection: Selection): SelectionRequest {
  const { namespace = '', labelSelector = '', fieldSelector = '' } = selection;
  return { kind, namespace, labelSelector, fieldSelector };
}

/** As it would arrive over HTTP: without undefined fields, and nobody else's to change. */
function bodyOf(kind: ServedKind, object: ApplyConfiguration): JsonObject {
  requireNamespace(kind, object.metadata.namespace ?? '');
  return JSON.parse(JSON.stringify(object)) as JsonObject;
}
