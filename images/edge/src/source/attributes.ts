/** Attributes of one tag that are read: the richest tag of RFC 8216bis has about twenty. */
const MAX_ATTRIBUTES = 64;

/** The attribute list of one tag by attribute name; quoted strings without their quotes. */
export type Attributes = ReadonlyMap<string, string>;

/**
 * Reads an attribute list (RFC 8216bis 4.2). Forgiving: what is no `NAME=value` is passed over, of equal names the last
 * counts. Each character is looked at once, whatever the list holds, because sources are not to be trusted.
 */
export function readAttributes(list: string): Attributes {
  const attributes = new Map<string, string>();
  let at = 0;
  while (at < list.length && attributes.size < MAX_ATTRIBUTES) {
    const equals = list.indexOf('=', at);
    if (equals < 0) break;
    const before = list.slice(at, equals);
    const name = before.slice(before.lastIndexOf(',') + 1).trim();
    const isQuoted = list[equals + 1] === '"';
    const end = endOf(list, isQuoted ? '"' : ',', equals + (isQuoted ? 2 : 1));
    const value = list.slice(equals + (isQuoted ? 2 : 1), end);
    if (name !== '') attributes.set(name, isQuoted ? value : value.trim());
    at = isQuoted ? endOf(list, ',', end + 1) + 1 : end + 1;
  }
  return attributes;
}

function endOf(list: string, mark: string, from: number): number {
  const found = list.indexOf(mark, from);
  return found < 0 ? list.length : found;
}
