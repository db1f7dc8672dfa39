import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { StatusAnswer } from './answer.ts';
import type { Fault, SeenRequest } from './faults.ts';
import { isObject, type JsonObject } from './fields.ts';
import type { ServedKind } from './object-store.ts';

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

/** Splits `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>[/<subresource>]]`. */
export function partsOf(pathname: string): Pick<SeenRequest, 'plural' | 'name' | 'namespace' | 'subresource'> {
  const parts = pathname.split('/').slice(1).map(decodeURIComponent);
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name = '', subresource = ''] = isNamespaced ? rest.slice(2) : rest;
  return { plural, name, subresource, namespace: isNamespaced ? (rest[1] ?? '') : '' };
}

/** Lets a fault happen. @returns whether the request ended thereby @throws StatusAnswer for an error answer */
export async function applyFault(fault: Fault, seen: SeenRequest, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case 'slow':
      await sleep(fault.milliseconds);
      return false;
    case 'status':
      throw new StatusAnswer(fault.status, fault.reason ?? 'Planned', 'fault by plan', fault.retryAfterSeconds);
    case 'reset':
      response.destroy();
      return true;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>\n');
      return true;
    case 'silent':
      return !seen.watch;
    default:
      return false;
  }
}

/** The object in a body; its names must agree with the path. @throws StatusAnswer 400 */
export function objectIn(body: string, { kind, namespace, name }: Target): JsonObject {
  const object: unknown = JSON.parse(body);
  if (!isObject(object) || !isObject(object.metadata)) throw new StatusAnswer(400, 'BadRequest', 'no object');
  const metadata = { ...object.metadata };
  if (object.kind !== kind.kind || object.apiVersion !== apiVersionOf(kind)) {
    throw new StatusAnswer(400, 'BadRequest', `kind and apiVersion must be ${kind.kind} and ${apiVersionOf(kind)}`);
  }
  if (kind.namespaced && namespace === '') throw new StatusAnswer(405, 'MethodNotAllowed', 'the namespace is missing');
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

/** `v1` or `<group>/<version>`. */
export function apiVersionOf({ group, version }: ServedKind): string {
  return group === '' ? version : `${group}/${version}`;
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
