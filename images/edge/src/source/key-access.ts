import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { sourceError } from './errors.ts';
import type { SourcePlaylist } from './parse.ts';

/** Why viewers may not be told where this key is, in words; null if they may. DRM systems have URIs that are no places. */
function reasonToHide(route: Pick<Route, 'source' | 'exposeSource'>, uri: string): string | null {
  const url = new URL(uri);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  if (url.username !== '' || url.password !== '') return "the key's URL carries a user or password";
  const isAtSource = url.origin === new URL(route.source.uri).origin;
  if (isAtSource && Object.keys(route.source.headers).length > 0) {
    return 'the key is at the source, which needs request headers that viewers do not have';
  }
  if (isAtSource && route.exposeSource === false)
    return 'spec.delivery.exposeSource is false, and the key is at the source';
  if (route.exposeSource === undefined && url.search !== '') {
    return "the key's URL has a query, which may be a secret; set spec.delivery.exposeSource to true if viewers may see it";
  }
  return null;
}

/**
 * An error where a source is encrypted with a key that viewers cannot get, or must not be told of; null otherwise. Viewers
 * fetch keys themselves, from whoever decides who gets one: an edge that handed keys out would undo the encryption.
 */
export function keyObstacle(
  route: Pick<Route, 'source' | 'exposeSource'>,
  { segments }: Pick<SourcePlaylist, 'segments'>,
): SluiceError | null {
  const all = segments.flatMap((segment) => [segment, ...Object.values(segment.beside ?? {})]);
  const uris = new Set(all.flatMap(({ keys, mapKeys }) => [...keys, ...mapKeys]).map(({ uri }) => uri));
  for (const uri of uris) {
    const reason = reasonToHide(route, uri);
    if (reason === null) continue;
    const message = `The source is encrypted (EXT-X-KEY), and viewers cannot be given its key: ${reason}`;
    return sourceError('SOURCE_UNSUPPORTED', message, { retryable: false });
  }
  return null;
}
