import type { IncomingMessage, ServerResponse } from 'node:http';
import { StatusAnswer } from './answer.ts';
import { isObject, type JsonObject } from './fields.ts';
import { apiVersionOf, type ServedKind } from './served-kind.ts';

/** A request to an API server, as far as its line and headers tell. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
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

/** Route of a request: which kind, which object, which part of it. */
export interface Target {
  readonly kind: ServedKind;
  /** Empty: all namespaces, or a kind without them. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string;
}

/** The real server's limit of a request's body. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Only paths and queries are of interest. */
const ANY_HOST = 'http://localhost';

/** The query of a request. */
export function queryOf({ url }: Pick<SeenRequest, 'url'>): URLSearchParams {
  return new URL(url, ANY_HOST).searchParams;
}

/** Reads `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>[/<subresource>]]`. @throws StatusAnswer 400 */
export function seenRequest(request: IncomingMessage): SeenRequest {
  const url = request.url ?? '/';
  const { pathname, searchParams } = new URL(url, ANY_HOST);
  const [root, ...parts] = pathname.split('/').slice(1).map(decoded);
  const [group = '', version = '', ...rest] = root === 'api' ? ['', ...parts] : parts;
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name = '', subresource = ''] = isNamespaced ? rest.slice(2) : rest;
  return {
    method: request.method ?? 'GET',
    url,
    group,
    version,
    plural,
    name,
    subresource,
    namespace: isNamespaced ? (rest[1] ?? '') : '',
    watch: searchParams.get('watch') === 'true',
    contentType: (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '',
    accept: request.headers.accept ?? '',
    authorization: request.headers.authorization ?? '',
  };
}

/** The JSON object in a body. @throws StatusAnswer 400 */
export function jsonIn(body: string): JsonObject {
  try {
    // A field of that name would become the prototype of what it is merged into.
    const parsed: unknown = JSON.parse(body, (key, value) => (key === '__proto__' ? undefined : value));
    if (isObject(parsed)) return parsed;
  } catch {
    // No JSON is as bad as JSON that is no object.
  }
  throw new StatusAnswer(400, 'BadRequest', 'the body must be one JSON object');
}

/** The object in a body; its names must agree with the path. @throws StatusAnswer 400, 405 */
export function objectIn(body: string, { kind, namespace, name }: Target): JsonObject {
  const object = jsonIn(body);
  const metadata = isObject(object.metadata) ? object.metadata : {};
  if (object.kind !== kind.kind || object.apiVersion !== apiVersionOf(kind)) {
    throw new StatusAnswer(400, 'BadRequest', `kind and apiVersion must be ${kind.kind} and ${apiVersionOf(kind)}`);
  }
  requireNamespace(kind, namespace);
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw new StatusAnswer(
      400,
      'BadRequest',
      'the namespace of the object does not match the namespace of the request',
    );
  }
  if (name !== '' && metadata.name !== undefined && metadata.name !== name) {
    throw new StatusAnswer(400, 'BadRequest', 'the name of the object does not match the name on the URL');
  }
  return {
    ...object,
    metadata: { ...metadata, ...(name === '' ? {} : { name }), ...(namespace === '' ? {} : { namespace }) },
  };
}

/** A version out of a query; empty if there is none. @throws StatusAnswer 400 */
export function versionIn(query: URLSearchParams): string {
  const version = query.get('resourceVersion') ?? '';
  if (/^\d*$/.test(version)) return version;
  throw new StatusAnswer(400, 'BadRequest', `resourceVersion: Invalid value: "${version}": must be a number`);
}

/** A write needs the namespace of a kind that has them. @throws StatusAnswer 405 */
export function requireNamespace(kind: ServedKind, namespace: string): void {
  if (kind.namespaced && namespace === '') throw new StatusAnswer(405, 'MethodNotAllowed', 'the namespace is missing');
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

/** Answers, unless something has been answered already. */
export function sendJson(response: ServerResponse, status: number, body: unknown, retryAfterSeconds?: number): void {
  if (response.destroyed || response.headersSent) return;
  response
    .writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    })
    .end(JSON.stringify(body));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new StatusAnswer(400, 'BadRequest', 'the path is not encoded as a URL');
  }
}
