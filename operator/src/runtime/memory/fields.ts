import { sameJson } from '../apply/json.ts';

/** Any JSON object. */
export type JsonObject = { [key: string]: unknown };

/** What each field manager has set of an object, by `<field manager>/<part>`: the object is all of them together. */
export type Layers = ReadonlyMap<string, JsonObject>;

/** Who has set what was changed by {@link replaced}. */
const NOBODY = '';

/** Whether `value` is a JSON object (no array, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The metadata of an object; empty if it has none. */
export function metadataOf(object: JsonObject): JsonObject {
  return isObject(object.metadata) ? object.metadata : {};
}

/** The field of an object below these keys; undefined if there is none. */
export function fieldAt(object: JsonObject, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), object);
}

/**
 * Server-side apply by force (KEP-555), in which a list is one field: what this owner has set before is replaced by
 * `wanted`; who else had set another value of one of its fields has lost that one.
 */
export function applied(layers: Layers, owner: string, wanted: JsonObject): Layers {
  const others = [...layers].filter(([name]) => name !== owner);
  const isLeft = (value: unknown, other: unknown) => other === undefined || sameJson(value, other);
  return new Map([...others.map(([name, layer]) => selected(name, layer, wanted, isLeft)), [owner, wanted]]);
}

/** The layers of an object that somebody has changed as a whole: what has gone or changed is no manager's any more. */
export function replaced(layers: Layers, before: JsonObject, after: JsonObject): Layers {
  const [, changed] = selected(NOBODY, after, before, (value, other) => !sameJson(value, other));
  const [, gone] = selected(NOBODY, before, after, (_, other) => other === undefined);
  const touched = overlaid(gone, changed) as JsonObject;
  const kept = [...layers].map(([name, layer]) => selected(name, layer, touched, (_, other) => other === undefined));
  const next = new Map(kept);
  return next.set(NOBODY, overlaid(next.get(NOBODY), changed) as JsonObject);
}

/** `base` with every field of `over` set; the result shares parts with both. */
export function overlaid(base: unknown, over: unknown): unknown {
  if (!isObject(over)) return over;
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(over)) result[key] = overlaid(result[key], value);
  return result;
}

/** Makes a value and all in it unchangeable, so that who reads it cannot change what others read. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}

type Choice = (value: unknown, other: unknown) => boolean;

/** The fields of a layer that are chosen beside those of another object; objects without any are left out. */
function selected(name: string, layer: JsonObject, other: JsonObject, isChosen: Choice): [string, JsonObject] {
  const choose = (value: unknown, beside: unknown): unknown => {
    const isField = !isObject(value) || Object.keys(value).length === 0 || !isObject(beside ?? {});
    if (isField) return isChosen(value, beside) ? value : undefined;
    const fields = Object.entries(value).map(([key, child]) => [
      key,
      choose(child, fieldAt({ beside }, ['beside', key])),
    ]);
    const chosen = fields.filter(([, child]) => child !== undefined);
    return chosen.length === 0 ? undefined : Object.fromEntries(chosen);
  };
  return [name, (choose(layer, other) ?? {}) as JsonObject];
}
