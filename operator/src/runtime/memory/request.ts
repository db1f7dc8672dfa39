import type { IncomingMessage } from 'node:http';
import { StatusAnswer } from './answer.ts';
import { isObject, type JsonObject, mergePatch, metadataOf } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { applyScaleTo, scaleOf } from './scale.ts';
import { listPage, type SelectionRequest } from './selection.ts';
import { apiVersionOf, type ServedKind } from './served-kind.ts';
import { tableOf, wantsTable } from './table.ts';
import type { WatchRequest } from './watch.ts';

/** A request to an API server, as far as its line and headers tell. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly query: URLSearchParams;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Empty for collections. */
  readonly name: string;
  /** Empty: all namespaces, or a kind without them. */
  readonly namespace: string;
  readonly subresource: string;
  readonly watch: boolean;
  readonly contentType: string;
  readonly accept: string;
  readonly authorization: string;
}

/** A request for a kind that the store keeps. */
export type Target = SeenRequest & { readonly kind: ServedKind };

/** The real server's limit of a request's body. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Only paths and queries are of interest. */
const ANY_HOST = 'http://localhost';

/** Reads `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>[/<subresource>]]`. @throws StatusAnswer 400 */
export function seenRequest({ method = 'GET', url = '/', headers }: IncomingMessage): SeenRequest {
  const { pathname, searchParams: query } = new URL(url, ANY_HOST);
  const [root, ...parts] = pathname.split('/').slice(1).map(decoded);
  const [group = '', version = '', ...rest] = root === 'api' ? ['', ...parts] : parts;
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name = '', subresource = ''] = isNamespaced ? rest.slice(2) : rest;
  const namespace = isNamespaced ? (rest[1] ?? '') : '';
  const contentType = (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const { accept = '', authorization = '' } = headers;
  const watch = query.get('watch') === 'true';
  const target = { group, version, plural, name, namespace, subresource };
  return { method, url, query, ...target, watch, contentType, accept, authorization };
}

/** The body of a request as text. @throws StatusAnswer 413 above 3 MiB */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new StatusAnswer(413, 'RequestEntityTooLarge', 'the body is above 3 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A write needs the namespace of a kind that has them. @throws StatusAnswer 405 */
export function requireNamespace(kind: ServedKind, namespace: string): void {
  if (kind.namespaced && namespace === '') throw new StatusAnswer(405, 'MethodNotAllowed', 'the namespace is missing');
}

/** Carries out a request that is no watch. @returns the object, list or table of the answer @throws StatusAnswer */
export function answer(store: ObjectStore, target: Target, body: string): JsonObject {
  const { method, kind, namespace, name, query } = target;
  const options = { dryRun: query.get('dryRun') === 'All', strict: query.get('fieldValidation') === 'Strict' };
  if (method === 'GET' && name === '') return list(store, target);
  if (method === 'GET' && target.subresource === 'scale') return scaleOf(store.get(kind, namespace, name));
  if (method === 'GET') {
    const object = store.get(kind, namespace, name);
    return wantsTable(target.accept) ? tableOf(kind, [object], {}, store.nowMs()) : object;
  }
  if (method === 'POST' && name === '') {
    return store.create(kind, objectIn(body, target), query.get('fieldManager') ?? 'unknown', options);
  }
  if (method === 'PATCH' && name !== '' && target.contentType === 'application/merge-patch+json') {
    const change = jsonIn(body);
    return store.replace(kind, namespace, name, (old) => merged(old, change, target), options);
  }
  if (method === 'PATCH' && name !== '') return apply(store, target, body, options);
  if (method === 'DELETE' && name !== '') return remove(store, target, body);
  throw new StatusAnswer(405, 'MethodNotAllowed', `${method} is not supported here`);
}

/** What a watch asks for. @throws StatusAnswer 400 */
export function watchRequest(store: ObjectStore, target: Target): WatchRequest {
  const from = versionIn(target);
  return {
    ...selectionOf(target),
    resourceVersion: from === '' || from === '0' ? String(store.resourceVersion) : from,
    bookmarks: target.query.get('allowWatchBookmarks') === 'true',
    timeoutSeconds: Number(target.query.get('timeoutSeconds') ?? 0),
  };
}

function list(store: ObjectStore, target: Target): JsonObject {
  const { kind, query } = target;
  const { items, resourceVersion, continueToken } = listPage(store, {
    ...selectionOf(target),
    limit: Number(query.get('limit') ?? 0),
    continueToken: query.get('continue') ?? '',
    resourceVersion: versionIn(target),
  });
  const metadata = { resourceVersion, ...(continueToken === '' ? {} : { continue: continueToken }) };
  if (wantsTable(target.accept)) return tableOf(kind, items, metadata, store.nowMs());
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items };
}

function apply(store: ObjectStore, target: Target, body: string, options: object): JsonObject {
  if (target.contentType !== 'application/apply-patch+yaml') {
    const known = 'application/apply-patch+yaml (with JSON in it) and application/merge-patch+json';
    throw new StatusAnswer(415, 'UnsupportedMediaType', `the content type of a patch must be one of ${known}`);
  }
  const manager = target.query.get('fieldManager') ?? '';
  if (manager === '') {
    throw new StatusAnswer(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value');
  }
  if (target.subresource === 'scale') return applyScaleTo(store, target.kind, jsonIn(body), manager);
  const part = target.subresource === 'status' ? 'status' : 'object';
  return store.apply(target.kind, part, objectIn(body, target), manager, options);
}

/** The old object with the part that the request may write changed. */
function merged(old: JsonObject, change: JsonObject, { kind, subresource }: Target): JsonObject {
  const wanted = mergePatch(old, change) as JsonObject;
  if (subresource === 'status') return { ...old, status: wanted.status };
  return kind.hasStatus ? { ...wanted, status: old.status } : wanted;
}

function remove(store: ObjectStore, { kind, namespace, name, query }: Target, body: string): JsonObject {
  const { preconditions, ...options } = body === '' ? {} : jsonIn(body);
  const uid = isObject(preconditions) && typeof preconditions.uid === 'string' ? preconditions.uid : undefined;
  const asked = query.get('gracePeriodSeconds') ?? options.gracePeriodSeconds ?? undefined;
  const seconds = asked === undefined ? undefined : Number(asked);
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 0)) {
    throw new StatusAnswer(400, 'BadRequest', 'gracePeriodSeconds must be a whole number that is not negative');
  }
  return store.delete(kind, namespace, name, uid, seconds);
}

/** The JSON object in a body. @throws StatusAnswer 400 */
function jsonIn(body: string): JsonObject {
  try {
    // A field of that name would become the prototype of what it is merged into.
    const parsed: unknown = JSON.parse(body, (key, value) => (key === '__proto__' ? undefined : value));
    if (isObject(parsed)) return parsed;
  } catch {
    // No JSON is as bad as JSON that is no object.
  }
  throw new StatusAnswer(400, 'BadRequest', 'the body must be one JSON object');
}

/** The object in a body, which must be the one that the path names. @throws StatusAnswer 400, 405 */
function objectIn(body: string, { kind, namespace, name }: Target): JsonObject {
  const object = jsonIn(body);
  requireNamespace(kind, namespace);
  const names = { ...(namespace === '' ? {} : { namespace }), ...(name === '' ? {} : { name }) };
  const metadata = { ...names, ...metadataOf(object) };
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...names };
  const found: JsonObject = { ...metadata, apiVersion: object.apiVersion, kind: object.kind };
  const wrong = Object.entries(expected).filter(([field, value]) => found[field] !== value);
  if (wrong.length === 0) return { ...object, metadata };
  const remedy = wrong.map(([field, value]) => `${field} must be ${value}`).join(', ');
  throw new StatusAnswer(400, 'BadRequest', `the object is not the one that the request names: ${remedy}`);
}

/** A version out of a query; empty if there is none. @throws StatusAnswer 400 */
function versionIn({ query }: Target): string {
  const version = query.get('resourceVersion') ?? '';
  if (/^\d*$/.test(version)) return version;
  throw new StatusAnswer(400, 'BadRequest', `resourceVersion: Invalid value: "${version}": must be a number`);
}

function selectionOf({ kind, namespace, query }: Target): SelectionRequest {
  const [labelSelector, fieldSelector] = [query.get('labelSelector') ?? '', query.get('fieldSelector') ?? ''];
  return { kind, namespace, labelSelector, fieldSelector };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new StatusAnswer(400, 'BadRequest', 'the path is not encoded as a URL');
  }
}
