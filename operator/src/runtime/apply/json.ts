import { hash } from 'node:crypto';

/** Twenty hex digits that are equal for equal values, whatever the order of their fields. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonical(value)).slice(0, 20);
}

/** Whether two values are the same JSON, whatever the order of their fields; undefined fields do not count. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) return Array.isArray(right) && sameItems(left, right);
  if (!isObject(left) || !isObject(right)) return false;
  for (const key in left) if (!sameJson(left[key], right[key])) return false;
  for (const key in right) if (left[key] === undefined && right[key] !== undefined) return false;
  return true;
}

/** {@link sameJson} for objects, but for some of their fields. */
export function sameJsonBut<T extends object>(left: T, right: T, ignored: ReadonlySet<string>): boolean {
  for (const key in left) if (!ignored.has(key) && !sameJson(left[key], right[key])) return false;
  for (const key in right) if (!ignored.has(key) && left[key] === undefined && right[key] !== undefined) return false;
  return true;
}

function sameItems(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
}

/** Fields by which the items of a Kubernetes list are told apart, where they are no positions. */
const ITEM_KEYS = ['name', 'type'] as const;

/**
 * Whether `actual` has every field of `wanted` with its value; `actual` may have more, which the server or others set.
 * Lists of named items are compared by name, others item by item with the same length.
 */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) return Array.isArray(actual) && coversList(actual, wanted);
  if (!isObject(wanted)) return actual === wanted;
  return isObject(actual) && Object.entries(wanted).every(([key, value]) => covers(actual[key], value));
}

function coversList(actual: readonly unknown[], wanted: readonly unknown[]): boolean {
  const key = ITEM_KEYS.find((candidate) => isKeyedBy(wanted, candidate));
  if (key === undefined) {
    return actual.length === wanted.length && wanted.every((item, index) => covers(actual[index], item));
  }
  return wanted.every((item) =>
    covers(
      actual.find((other) => isObject(other) && isObject(item) && other[key] === item[key]),
      item,
    ),
  );
}

function isKeyedBy(items: readonly unknown[], key: string): boolean {
  const values = items.map((item) => (isObject(item) ? item[key] : undefined));
  return (
    items.length > 0 && values.every((value) => typeof value === 'string') && new Set(values).size === items.length
  );
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (!isObject(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
