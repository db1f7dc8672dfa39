import { isObject, type JsonObject } from './fields.ts';

/** A list whose items server-side apply merges one by one, because each has a key. */
interface KeyedList {
  /** The object that the list is in, and the list's name in it. */
  readonly path: readonly [string, string];
  /** The field of an item that is its key; null: the item itself, a text (a set). */
  readonly key: string | null;
}

/** The lists that objects of every kind have in common (apimachinery, ObjectMeta and the API conventions). */
const KEYED_LISTS: readonly KeyedList[] = [
  { path: ['metadata', 'finalizers'], key: null },
  { path: ['metadata', 'ownerReferences'], key: 'uid' },
  { path: ['status', 'conditions'], key: 'type' },
];
/** Keeps keys that look like numbers in their order. */
const PREFIX = '=';

/** The object with its keyed lists as objects by key, in which every item is a field. Lists with doubles stay lists. */
export function withKeys(object: JsonObject): JsonObject {
  return withLists(object, ({ key }, list) => {
    if (!Array.isArray(list)) return list;
    const entries = list.map((item): [string, unknown] => [`${PREFIX}${String(keyOf(item, key))}`, item]);
    const hasKeys = list.every((item) => typeof keyOf(item, key) === 'string');
    return hasKeys && new Set(entries.map(([name]) => name)).size === list.length ? Object.fromEntries(entries) : list;
  });
}

/** The inverse of {@link withKeys}. @param first an object of that form whose items go before the others, in its order */
export function withoutKeys(object: JsonObject, first: JsonObject): JsonObject {
  return withLists(object, ({ path: [parent, name] }, items) => {
    if (!isObject(items)) return items;
    const container = first[parent];
    const leading = isObject(container) && isObject(container[name]) ? Object.keys(container[name]) : [];
    const keys = new Set([...leading, ...Object.keys(items)]);
    return [...keys].flatMap((key) => (key in items ? [items[key]] : []));
  });
}

function withLists(object: JsonObject, change: (list: KeyedList, value: unknown) => unknown): JsonObject {
  const result = { ...object };
  for (const list of KEYED_LISTS) {
    const [parent, name] = list.path;
    const container = result[parent];
    if (isObject(container) && name in container) {
      result[parent] = { ...container, [name]: change(list, container[name]) };
    }
  }
  return result;
}

function keyOf(item: unknown, key: string | null): unknown {
  if (key === null) return item;
  return isObject(item) ? item[key] : undefined;
}
