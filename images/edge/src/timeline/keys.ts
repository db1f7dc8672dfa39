/** KEYFORMAT of a tag that has none (RFC 8216bis 4.4.4.4). */
const DEFAULT_FORMAT = 'identity';

const END = '#EXT-X-KEY:METHOD=NONE';

function formatOf(tag: string): string {
  return /[:,]KEYFORMAT="([^"]*)"/.exec(tag)?.[1] ?? DEFAULT_FORMAT;
}

/**
 * The EXT-X-KEY lines that bring the keys `wanted` into force behind a segment where `before` were: a tag replaces that of
 * its own format, and METHOD=NONE all of them (RFC 8216bis 4.4.4.4).
 */
export function keyLines(before: readonly string[], wanted: readonly string[]): readonly string[] {
  const formats = new Set(wanted.map(formatOf));
  if (before.some((tag) => !formats.has(formatOf(tag)))) return [END, ...wanted];
  return wanted.filter((tag) => !before.includes(tag));
}
