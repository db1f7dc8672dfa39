import { StatusAnswer } from './answer.ts';
import { isObject, type JsonObject, mergePatch } from './fields.ts';
import { listPage } from './list.ts';
import type { ObjectStore, WriteOptions } from './object-store.ts';
import { jsonIn, objectIn, queryOf, type SeenRequest, type Target, versionIn } from './request.ts';
import { apiVersionOf } from './served-kind.ts';
import { tableOf, wantsTable } from './table.ts';
import type { WatchRequest } from './watch.ts';

/** The status and the body of a successful answer. */
export interface Answer {
  readonly status: 200 | 201;
  readonly body: unknown;
}

/** Carries out a request that is no watch. @throws StatusAnswer */
export function answer(store: ObjectStore, seen: SeenRequest, target: Target, body: string): Answer {
  const { kind, namespace, name } = target;
  const query = queryOf(seen);
  const options = writeOptions(query);
  if (seen.method === 'GET') {
    return { status: 200, body: read(store, target, seen) };
  }
  if (seen.method === 'POST' && name === '') {
    const object = objectIn(body, target);
    return { status: 201, body: store.create(kind, object, query.get('fieldManager') ?? 'unknown', options) };
  }
  if (seen.method === 'PATCH' && name !== '') return { status: 200, body: patch(store, seen, target, body) };
  if (seen.method === 'PUT' && name !== '') {
    const object = objectIn(body, target);
    return { status: 200, body: store.replace(kind, namespace, name, (old) => replaced(old, object, target), options) };
  }
  if (seen.method === 'DELETE' && name !== '') return { status: 200, body: remove(store, target, query, body) };
  throw new StatusAnswer(405, 'MethodNotAllowed', `${seen.method} is not supported here`);
}

/** What a watch asks for in its query. */
export function watchRequest(store: ObjectStore, target: Target, query: URLSearchParams): WatchRequest {
  const from = versionIn(query);
  return {
    ...selectionOf(target, query),
    resourceVersion: from === '' || from === '0' ? String(store.resourceVersion) : from,
    bookmarks: query.get('allowWatchBookmarks') === 'true',
    timeoutSeconds: Number(query.get('timeoutSeconds') ?? 0),
  };
}

function writeOptions(query: URLSearchParams): WriteOptions {
  return { dryRun: query.get('dryRun') === 'All', strict: query.get('fieldValidation') === 'Strict' };
}

function read(store: ObjectStore, target: Target, seen: SeenRequest): JsonObject {
  const { kind, namespace, name } = target;
  const isTable = wantsTable(seen.accept);
  if (name === '') return list(store, target, queryOf(seen), isTable);
  const object = store.get(kind, namespace, name);
  return isTable ? tableOf(kind.columns, [object], {}, store.nowMs()) : object;
}

function list(store: ObjectStore, target: Target, query: URLSearchParams, isTable: boolean): JsonObject {
  const { items, resourceVersion, continueToken } = listPage(store, {
    ...selectionOf(target, query),
    limit: Number(query.get('limit') ?? 0),
    continueToken: query.get('continue') ?? '',
    resourceVersion: versionIn(query),
  });
  const metadata = { resourceVersion, ...(continueToken === '' ? {} : { continue: continueToken }) };
  if (isTable) return tableOf(target.kind.columns, items, metadata, store.nowMs());
  return { kind: `${target.kind.kind}List`, apiVersion: apiVersionOf(target.kind), metadata, items };
}

function patch(store: ObjectStore, seen: SeenRequest, target: Target, body: string): JsonObject {
  const { kind, namespace, name, subresource } = target;
  const query = queryOf(seen);
  const options = writeOptions(query);
  if (seen.contentType === 'application/merge-patch+json') {
    const change = jsonIn(body);
    const merged = (old: JsonObject) => replaced(old, mergePatch(old, change) as JsonObject, target);
    return store.replace(kind, namespace, name, merged, options);
  }
  if (seen.contentType !== 'application/apply-patch+yaml') {
    const known = 'application/apply-patch+yaml (with JSON in it) and application/merge-patch+json';
    throw new StatusAnswer(415, 'UnsupportedMediaType', `the content type of a patch must be one of ${known}`);
  }
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager === '') {
    throw new StatusAnswer(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value');
  }
  const part = subresource === 'status' ? 'status' : 'object';
  return store.apply(kind, part, objectIn(body, target), fieldManager, query.get('force') === 'true', options);
}

/** The old object with the part that the request may write taken from the new one. */
function replaced(old: JsonObject, wanted: JsonObject, { kind, subresource }: Target): JsonObject {
  if (subresource === 'status') return { ...old, status: wanted.status };
  if (!kind.hasStatus) return wanted;
  const { status: _refused, ...rest } = wanted;
  return old.status === undefined ? rest : { ...rest, status: old.status };
}

function remove(
  store: ObjectStore,
  { kind, namespace, name }: Target,
  query: URLSearchParams,
  body: string,
): JsonObject {
  const options = body === '' ? {} : jsonIn(body);
  const { preconditions } = options;
  const uid = isObject(preconditions) && typeof preconditions.uid === 'string' ? preconditions.uid : undefined;
  const asked = query.get('gracePeriodSeconds') ?? options.gracePeriodSeconds;
  const seconds = asked === undefined || asked === null ? undefined : Number(asked);
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 0)) {
    throw new StatusAnswer(400, 'BadRequest', 'gracePeriodSeconds must be a whole number that is not negative');
  }
  return store.delete(kind, namespace, name, uid, seconds);
}

function selectionOf({ kind, namespace }: Target, query: URLSearchParams) {
  return {
    kind,
    namespace,
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  };
}
