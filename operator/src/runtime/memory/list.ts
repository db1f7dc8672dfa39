import { StatusAnswer, tooLarge } from './answer.ts';
import { type JsonObject, metadataOf } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { isSelected, type SelectionRequest } from './watch.ts';

/** Which page of which list. */
export interface ListRequest extends SelectionRequest {
  /** 0: everything. */
  readonly limit: number;
  /** Empty: the first page. */
  readonly continueToken: string;
  /** Not older than this; empty: the latest. */
  readonly resourceVersion: string;
}

/** One page; `continueToken` is empty at the end. */
export interface ObjectPage {
  readonly items: readonly JsonObject[];
  /** The version of the first page, for a watch that goes on from there. */
  readonly resourceVersion: string;
  readonly continueToken: string;
}

/**
 * One page of a list. A token names the version of the first page and the object after which the next one begins;
 * pages show objects as they are now, and a watch from the first page's version tells what has changed meanwhile.
 * @throws StatusAnswer 410 for a token whose version is forgotten, 504 for a version of the future, 400
 */
export function listPage(store: ObjectStore, request: ListRequest): ObjectPage {
  if (Number(request.resourceVersion) > store.resourceVersion) {
    throw tooLarge(request.resourceVersion, store.resourceVersion);
  }
  const { version, after } =
    request.continueToken === ''
      ? { version: String(store.resourceVersion), after: '' }
      : readToken(request.continueToken);
  store.requireKept(version);
  const rest = store.list(request.kind).filter((object) => keyOf(object) > after && isSelected(request, object));
  const items = request.limit > 0 ? rest.slice(0, request.limit) : rest;
  const last = items.at(-1);
  const continueToken = last === undefined || items.length === rest.length ? '' : token(version, keyOf(last));
  return { items, resourceVersion: version, continueToken };
}

function token(version: string, after: string): string {
  return Buffer.from(JSON.stringify([version, after])).toString('base64url');
}

function readToken(text: string): { readonly version: string; readonly after: string } {
  try {
    const [version, after] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (typeof version === 'string' && typeof after === 'string') return { version, after };
  } catch {
    // Not one of ours: refused below.
  }
  throw new StatusAnswer(400, 'BadRequest', 'continue key is not valid');
}

/** In the order of {@link ObjectStore.list}. */
function keyOf(object: JsonObject): string {
  const { namespace = '', name } = metadataOf(object);
  return `${namespace}/${name}`;
}
