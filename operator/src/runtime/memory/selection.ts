import { refusal } from '../client/api-error.ts';
import type { Selection, WatchEvent } from '../client/client.ts';
import { fieldAt, isObject, type JsonObject, metadataOf } from './fields.ts';
import type { StoredEvent } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import type { ServedKind } from './served-kind.ts';

/** Whether an object is among those that a list or watch asks for. */
export function isSelected({ namespace = '', labelSelector = '', fieldSelector = '' }: Selection, object: JsonObject) {
  const { labels, namespace: own } = metadataOf(object);
  const fields = fieldSelector === '' ? [] : fieldSelector.split(',').map((each) => each.split(/==?/));
  return (
    (namespace === '' || own === namespace) &&
    matchesLabels(labelSelector, isObject(labels) ? labels : {}) &&
    fields.every(([path = '', expected]) => String(fieldAt(object, path.split('.')) ?? '') === expected)
  );
}

/** Whether labels meet a selector: `a=b`, `a==b`, `a`, joined by commas. @throws ApiError `BadRequest` for any other */
export function matchesLabels(selector: string, labels: Readonly<Record<string, unknown>>): boolean {
  return (selector === '' ? [] : selector.split(',')).every((requirement) => {
    const [, key = '', value] = /^([^=!\s()]+)(?:==?([^=!\s()]*))?$/.exec(requirement) ?? [];
    if (key === '') throw refusal(400, 'BadRequest', `label selector ${requirement}: only a and a=b are known`);
    return Object.hasOwn(labels, key) && (value ?? labels[key]) === labels[key];
  });
}

/**
 * Tells of every change of a kind after a version, as a watch of the real server does: objects that leave the selection
 * arrive as DELETED, and from a version of the future nothing comes until that version is reached.
 * @returns ends it
 * @throws ApiError `Expired` for a version that is forgotten
 */
export function follow(
  store: ObjectStore,
  kind: ServedKind,
  selection: Selection & { readonly resourceVersion: string },
  send: (event: WatchEvent) => void,
): () => void {
  const deliver = (event: StoredEvent): void => {
    const { before, object } = event;
    if (event.kind !== kind || event.resourceVersion <= Number(selection.resourceVersion)) return;
    const was = before !== null && isSelected(selection, before);
    const is = event.type !== 'DELETED' && isSelected(selection, object);
    if (was || is) send({ type: was && is ? 'MODIFIED' : is ? 'ADDED' : 'DELETED', object });
  };
  for (const event of store.eventsSince(selection.resourceVersion)) deliver(event);
  return store.onEvent(deliver);
}

/** A bookmark of a kind: everything up to the store's version has been told. */
export function bookmarkOf(store: ObjectStore): WatchEvent {
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(store.resourceVersion) } } };
}
