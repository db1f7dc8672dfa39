import { sourceError } from './errors.ts';

/** What stands for bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD';

/**
 * What a playlist at `base` names, as an absolute URL. A URL's normal form has neither line breaks nor quotes, so it can
 * stand in a playlist of ours. Throws PLAYLIST_INVALID.
 */
export function absolute(uri: string, base: string): string {
  if (uri.includes(REPLACEMENT)) {
    throw sourceError('PLAYLIST_INVALID', "The source's playlist names a URL that is not in UTF-8 (RFC 8216bis 4.1)");
  }
  const url = URL.parse(uri, base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw sourceError('PLAYLIST_INVALID', "The source's playlist names something that is no http or https URL");
  }
  return url.href;
}
