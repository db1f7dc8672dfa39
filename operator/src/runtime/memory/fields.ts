/** Any JSON object. */
export type JsonObject = { [key: string]: unknown };

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

/** `base` after a JSON merge patch (RFC 7386): null removes a field. Shares parts with both, and changes neither. */
export function merged(base: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

/**
 * An object less the fields of another one, in which a list is one field; objects that have no field left go, too.
 * @param isTaken asked for each field that both have; left out, all of them go
 */
export function less(
  base: JsonObject,
  other: JsonObject,
  isTaken: (value: unknown, beside: unknown) => boolean = () => true,
): JsonObject {
  const left = Object.entries(base).flatMap(([key, value]) => {
    const beside = Object.hasOwn(other, key) ? other[key] : undefined;
    if (beside === undefined) return [[key, value]];
    if (!isObject(value) || !isObject(beside) || Object.keys(value).length === 0) {
      return isTaken(value, beside) ? [] : [[key, value]];
    }
    const rest = less(value, beside, isTaken);
    return Object.keys(rest).length === 0 ? [] : [[key, rest]];
  });
  return Object.fromEntries(left);
}

/** Makes a value and all in it unchangeable, so that who reads it cannot change what others read. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}
