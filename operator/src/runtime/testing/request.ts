import type { IncomingMessage } from 'node:http';
import { refusal } from '../client/api-error.ts';
import type { Selection, WatchOptions } from '../client/client.ts';
import { isObject, type JsonObject, merged, metadataOf } from '../memory/fields.ts';
import type { ObjectStore } from '../memory/object-store.ts';
import { isSelected } from '../memory/selection.ts';
import { apiVersionOf, type ServedKind } from '../memory/served-kind.ts';

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

/** Reads `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>[/<subresource>]]`. @throws ApiError 400 */
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

/** The body of a request as text. @throws ApiError 413 above 3 MiB */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw refusal(413, 'RequestEntityTooLarge', 'the body is above 3 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Carries out a request that is no watch. @returns the object or list of the answer @throws ApiError */
export function answer(store: ObjectStore, target: Target, body: string): JsonObject {
  const { method, kind, namespace, name, query } = target;
  const options = { dryRun: query.get('dryRun') === 'All' };
  if (method === 'GET' && name === '') return list(store, target);
  if (method === 'GET') {
    const object = store.get(kind, namespace, name);
    return target.subresource === 'scale' ? scaleOf(object) : object;
  }
  if (method === 'POST' && name === '') {
    return store.create(kind, objectIn(body, target), query.get('fieldManager') ?? 'unknown', options);
  }
  if (method === 'PATCH' && name !== '' && target.contentType === 'application/merge-patch+json') {
    const change = jsonIn(body);
    return store.update(kind, namespace, name, (old) => patched(old, change, target), options);
  }
  if (method === 'PATCH' && name !== '') return apply(store, target, body, options);
  if (method === 'DELETE' && name !== '') return remove(store, target, body);
  throw refusal(405, 'MethodNotAllowed', `${method} is not supported here`);
}

/** What a watch asks for. @throws ApiError 400 */
export function watchOptions(store: ObjectStore, target: SeenRequest): WatchOptions {
  const from = versionIn(target);
  return {
    ...selectionOf(target),
    resourceVersion: from === '' || from === '0' ? String(store.resourceVersion) : from,
    timeoutSeconds: Number(target.query.get('timeoutSeconds') ?? 0),
  };
}

/**
 * One page of a list. A token names the version of the first page and the object after which the next one begins;
 * pages show objects as they are now, and a watch from the first page's version tells what has changed meanwhile.
 * @throws ApiError 410 for a token whose version is forgotten, 504 for a version of the future, 400
 */
function list(store: ObjectStore, target: Target): JsonObject {
  const { kind, query } = target;
  const asked = versionIn(target);
  if (Number(asked) > store.resourceVersion) {
    // In the words by which clients know it.
    const message = `Too large resource version: ${asked}, current: ${store.resourceVersion}`;
    throw refusal(504, 'Timeout', message);
  }
  const token = query.get('continue') ?? '';
  const [, resourceVersion = String(store.resourceVersion), after = ''] = /^(\d+)@(.+)$/.exec(token) ?? [];
  if (token !== '' && after === '') throw refusal(400, 'BadRequest', 'continue key is not valid');
  store.eventsSince(resourceVersion);
  const selection = selectionOf(target);
  const rest = store.list(kind).filter((object) => keyOf(object) > after && isSelected(selection, object));
  const items = rest.slice(0, Number(query.get('limit') ?? 0) || rest.length);
  const last = items.at(-1);
  const isEnd = last === undefined || items.length === rest.length;
  const metadata = { resourceVersion, ...(isEnd ? {} : { continue: `${resourceVersion}@${keyOf(last)}` }) };
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items };
}

/** In the order of {@link ObjectStore.list}. */
function keyOf(object: JsonObject): string {
  const { namespace = '', name } = metadataOf(object);
  return `${namespace}/${name}`;
}

function apply(store: ObjectStore, target: Target, body: string, options: object): JsonObject {
  if (target.contentType !== 'application/apply-patch+yaml') {
    const known = 'application/apply-patch+yaml (with JSON in it) and application/merge-patch+json';
    throw refusal(415, 'UnsupportedMediaType', `the content type of a patch must be one of ${known}`);
  }
  const manager = target.query.get('fieldManager') ?? '';
  if (manager === '') {
    throw refusal(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value');
  }
  if (target.subresource === 'scale') {
    const { spec } = jsonIn(body);
    store.applyScale(target.kind, target, isObject(spec) ? spec.replicas : undefined, manager);
    return scaleOf(store.get(target.kind, target.namespace, target.name));
  }
  const part = target.subresource === 'status' ? 'status' : 'object';
  return store.apply(target.kind, part, objectIn(body, target), manager, options);
}

/** The scale subresource of an object as autoscaling/v1 has it. */
function scaleOf({ metadata, spec }: JsonObject): JsonObject {
  const replicas = isObject(spec) ? spec.replicas : undefined;
  return { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata, spec: { replicas: replicas ?? 0 } };
}

/** The old object with the part that the request may write changed. */
function patched(old: JsonObject, change: JsonObject, { kind, subresource }: Target): JsonObject {
  const wanted = merged(old, change) as JsonObject;
  if (subresource === 'status') return { ...old, status: wanted.status };
  return kind.hasStatus ? { ...wanted, status: old.status } : wanted;
}

function remove(store: ObjectStore, { kind, namespace, name, query }: Target, body: string): JsonObject {
  const { preconditions, ...options } = body === '' ? {} : jsonIn(body);
  const uid = isObject(preconditions) && typeof preconditions.uid === 'string' ? preconditions.uid : undefined;
  const asked = query.get('gracePeriodSeconds') ?? options.gracePeriodSeconds ?? undefined;
  const seconds = asked === undefined ? undefined : Number(asked);
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 0)) {
    throw refusal(400, 'BadRequest', 'gracePeriodSeconds must be a whole number that is not negative');
  }
  return store.delete(kind, namespace, name, { uid, graceSeconds: seconds });
}

/** The JSON object in a body. @throws ApiError 400 */
function jsonIn(body: string): JsonObject {
  try {
    // A field of that name would become the prototype of what it is merged into.
    const parsed: unknown = JSON.parse(body, (key, value) => (key === '__proto__' ? undefined : value));
    if (isObject(parsed)) return parsed;
  } catch {
    // No JSON is as bad as JSON that is no object.
  }
  throw refusal(400, 'BadRequest', 'the body must be one JSON object');
}

/** The object in a body, which must be the one that the path names. @throws ApiError 400 */
function objectIn(body: string, { kind, namespace, name }: Target): JsonObject {
  const object = jsonIn(body);
  const names = { ...(namespace === '' ? {} : { namespace }), ...(name === '' ? {} : { name }) };
  const metadata = { ...names, ...metadataOf(object) };
  const expected = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...names };
  const found: JsonObject = { ...metadata, apiVersion: object.apiVersion, kind: object.kind };
  const wrong = Object.entries(expected).filter(([field, value]) => found[field] !== value);
  if (wrong.length === 0) return { ...object, metadata };
  const remedy = wrong.map(([field, value]) => `${field} must be ${value}`).join(', ');
  throw refusal(400, 'BadRequest', `the object is not the one that the request names: ${remedy}`);
}

/** A version out of a query; empty if there is none. @throws ApiError 400 */
function versionIn({ query }: SeenRequest): string {
  const version = query.get('resourceVersion') ?? '';
  if (/^\d*$/.test(version)) return version;
  throw refusal(400, 'BadRequest', `resourceVersion: Invalid value: "${version}": must be a number`);
}

function selectionOf({ namespace, query }: SeenRequest): Selection {
  const [labelSelector, fieldSelector] = [query.get('labelSelector') ?? '', query.get('fieldSelector') ?? ''];
  return { namespace, labelSelector, fieldSelector };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refusal(400, 'BadRequest', 'the path is not encoded as a URL');
  }
}
