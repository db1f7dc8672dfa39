/**
 * Order of two resource versions of one kind: negative, zero or positive as for `sort`. They are decimal numbers of
 * any length (KEP-5504: comparable since Kubernetes 1.35), so that the longer one is the newer.
 * @throws RangeError for anything else
 */
export function compareResourceVersions(left: string, right: string): number {
  for (const version of [left, right]) {
    if (!/^(0|[1-9]\d*)$/.test(version)) throw new RangeError(`not a resource version: ${version.slice(0, 80)}`);
  }
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}
