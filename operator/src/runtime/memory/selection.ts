import { StatusAnswer } from './answer.ts';
import { isObject, type JsonObject, metadataOf } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import type { ServedKind } from './served-kind.ts';

/** Which objects of a kind; empty texts mean all. */
export interface SelectionRequest {
  readonly kind: ServedKind;
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

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
  const { resourceVersion: asked, continueToken, limit } = request;
  if (Number(asked) > store.resourceVersion) {
    // The words by which clients know it.
    const message = `Too large resource version: ${asked}, current: ${store.resourceVersion}`;
    throw new StatusAnswer(504, 'Timeout', message, { retryAfterSeconds: 1 });
  }
  const [, version = String(store.resourceVersion), after = ''] = /^(\d+)@(.+)$/.exec(continueToken) ?? [];
  if (continueToken !== '' && after === '') throw new StatusAnswer(400, 'BadRequest', 'continue key is not valid');
  store.eventsSince(version);
  const rest = store.list(request.kind).filter((object) => keyOf(object) > after && isSelected(request, object));
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const isEnd = last === undefined || items.length === rest.length;
  return { items, resourceVersion: version, continueToken: isEnd ? '' : `${version}@${keyOf(last)}` };
}

/** Whether an object is among those that a list or watch asks for. */
export function isSelected(
  { namespace, labelSelector, fieldSelector }: Omit<SelectionRequest, 'kind'>,
  object: JsonObject,
): boolean {
  const metadata = metadataOf(object);
  const labels = isObject(metadata.labels) ? metadata.labels : {};
  return (
    (namespace === '' || metadata.namespace === namespace) &&
    matchesLabels(labelSelector, labels) &&
    matchesFields(fieldSelector, object)
  );
}

/**
 * Whether labels meet a selector as on kubectl's command line: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`,
 * `a notin (b,c)`, joined by commas.
 */
export function matchesLabels(selector: string, labels: Readonly<Record<string, unknown>>): boolean {
  return requirements(selector).every((requirement) => {
    const [, key = '', operator, list, value = list] =
      /^([^=!\s]+)\s*(?:(in|notin)\s+\(([^)]*)\)|(?:!=|==?)\s*(.*))$/.exec(requirement) ?? [];
    if (key === '') return requirement.startsWith('!') ? !(requirement.slice(1) in labels) : requirement in labels;
    const isOne = key in labels && (value ?? '').split(',').some((each) => each.trim() === labels[key]);
    return isOne !== (operator === 'notin' || requirement.includes('!='));
  });
}

/** Whether an object meets a field selector: `path=value` or `path!=value`, joined by commas. */
function matchesFields(selector: string, object: JsonObject): boolean {
  return requirements(selector).every((requirement) => {
    const [, path = '', operator, expected] = /^([^=!]+)(!=|==?)(.*)$/.exec(requirement) ?? [];
    let value: unknown = object;
    for (const key of path.split('.')) value = isObject(value) ? value[key] : undefined;
    return (String(value ?? '') === expected) === (operator !== '!=');
  });
}

/** Splits at commas outside of parentheses. */
function requirements(selector: string): string[] {
  const parts = selector.split(/,(?![^(]*\))/).map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

/** In the order of {@link ObjectStore.list}. */
function keyOf(object: JsonObject): string {
  const { namespace = '', name } = metadataOf(object);
  return `${namespace}/${name}`;
}
