/** Any JSON object. */
export type JsonObject = { [key: string]: unknown };

/** Path of a field from the root of an object, as JSON text of its keys, so that it can be a member of a Set. */
export type FieldPath = string;

/** Whether `value` is a JSON object (no array, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The fields that a configuration sets: every scalar, list and empty object in it. A list is one field.
 */
export function fieldsOf(value: unknown, at: readonly string[] = []): FieldPath[] {
  if (!isObject(value) || (Object.keys(value).length === 0 && at.length > 0)) return [JSON.stringify(at)];
  return Object.entries(value).flatMap(([key, child]) => fieldsOf(child, [...at, key]));
}

/** `base` with every field of `over` set; neither is changed, but the result may share parts with `base`. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isObject(over)) return structuredClone(over);
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(over)) result[key] = merge(result[key], value);
  return result;
}

/** `base` after a JSON merge patch (RFC 7386): null removes a field; neither is changed. */
export function mergePatch(base: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return structuredClone(patch);
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/**
 * Removes a field, and the objects around it that become empty thereby, from `object` in place.
 * @param isOwned whether somebody wants the (empty) object at a path
 */
export function removeField(object: JsonObject, path: FieldPath, isOwned: (path: FieldPath) => boolean): void {
  const keys = JSON.parse(path) as string[];
  const parents: JsonObject[] = [object];
  for (const key of keys.slice(0, -1)) {
    const child = parents.at(-1)?.[key];
    if (!isObject(child)) return;
    parents.push(child);
  }
  for (let depth = keys.length - 1; depth >= 0; depth -= 1) {
    const parent = parents[depth];
    const key = keys[depth];
    if (parent === undefined || key === undefined) return;
    delete parent[key];
    if (Object.keys(parent).length > 0 || isOwned(JSON.stringify(keys.slice(0, depth)))) return;
  }
}

/** The value at a path; undefined if there is none. */
export function fieldAt(object: unknown, path: FieldPath): unknown {
  let value = object;
  for (const key of JSON.parse(path) as string[]) value = isObject(value) ? value[key] : undefined;
  return value;
}

/** The metadata of an object; empty if it has none. */
export function metadataOf(object: JsonObject): JsonObject {
  return isObject(object.metadata) ? object.metadata : {};
}

/** Makes a value and all in it unchangeable, so that who reads it cannot change what others read. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}
