import { sameJson } from '../apply/json.ts';

/** Any JSON object. */
export type JsonObject = { [key: string]: unknown };

/** Path of a field from the root of an object, as JSON text of its keys, so that it can be a member of a Set. */
export type FieldPath = string;

/** Fields of an object by owner, `<field manager>/<part>`. */
export type Owners = ReadonlyMap<string, ReadonlySet<FieldPath>>;

/** Set by the server, so no field manager owns them. */
const IDENTITY = /^\["(apiVersion|kind)"\]$|^\["metadata","(name|namespace|uid|resourceVersion)"\]$/;

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

/** The fields that a manager owns who has applied or created `wanted`: every scalar, list and empty object in it. */
export function ownedFields(wanted: JsonObject): ReadonlySet<FieldPath> {
  return new Set(fieldsOf(wanted, []).filter((path) => !IDENTITY.test(path)));
}

/**
 * Server-side apply by force (KEP-555), in which a list is one field: sets the fields of `wanted`, removes those that
 * this owner set before and no longer does, unless somebody else owns them too; who else owned a field that changes
 * loses it.
 */
export function applied(
  before: { readonly object: JsonObject; readonly owners: Owners },
  owner: string,
  wanted: JsonObject,
): { readonly object: JsonObject; readonly owners: Owners } {
  const fields = ownedFields(wanted);
  const object = overlaid(structuredClone(before.object), wanted) as JsonObject;
  const owners = new Map(before.owners).set(owner, fields);
  const isOwned = (path: FieldPath) => {
    const below = `${path.slice(0, -1)},`;
    return [...owners.values()].some((paths) => paths.has(path) || [...paths].some((each) => each.startsWith(below)));
  };
  for (const path of before.owners.get(owner) ?? []) if (!isOwned(path)) removeField(object, path, isOwned);
  const isTaken = (path: FieldPath) =>
    fields.has(path) && !sameJson(fieldAt(before.object, JSON.parse(path)), fieldAt(object, JSON.parse(path)));
  for (const [name, paths] of owners) {
    if (name !== owner) owners.set(name, new Set([...paths].filter((path) => !isTaken(path))));
  }
  return { object, owners };
}

/** Makes a value and all in it unchangeable, so that who reads it cannot change what others read. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}

function fieldsOf(value: unknown, at: readonly string[]): FieldPath[] {
  if (!isObject(value) || (Object.keys(value).length === 0 && at.length > 0)) return [JSON.stringify(at)];
  return Object.entries(value).flatMap(([key, child]) => fieldsOf(child, [...at, key]));
}

/** `base` with every field of `over` set; the result may share parts with `base`. */
function overlaid(base: unknown, over: unknown): unknown {
  if (!isObject(over)) return structuredClone(over);
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(over)) result[key] = overlaid(result[key], value);
  return result;
}

/** Removes a field, and the objects around it that become empty thereby and nobody owns, from `object` in place. */
function removeField(object: JsonObject, path: FieldPath, isOwned: (path: FieldPath) => boolean): void {
  const keys = JSON.parse(path) as string[];
  const key = keys.pop();
  const parent = fieldAt(object, keys);
  if (key === undefined || !isObject(parent)) return;
  delete parent[key];
  const parentPath = JSON.stringify(keys);
  if (Object.keys(parent).length === 0 && !isOwned(parentPath)) removeField(object, parentPath, isOwned);
}
