import { isSessionId } from './session-id.ts';

/** `sid="..."` as a member of the comma list that CTA-5004 2.1 defines; a string in double quotes. */
const SID_MEMBER = /(?:^|,)\s*sid="([^"\\]{1,64})"/;

/**
 * The session id (`sid`) in Common Media Client Data, CTA-5004 and CTA-5004-A (version 2), request mode: players send it
 * as query argument `CMCD` or in the header `CMCD-Session`. Null where there is none, or none that may be a session id.
 */
export function cmcdSessionId(query: URLSearchParams | null, header: string | string[] | undefined): string | null {
  const texts = [query?.get('CMCD') ?? undefined, Array.isArray(header) ? header[0] : header];
  for (const text of texts) {
    const id = text === undefined ? null : sidOf(text);
    if (id !== null && isSessionId(id)) return id;
  }
  return null;
}

/** The value of `sid` in a comma list of CTA-5004 or CTA-5004-A; null where there is none. */
export function sidOf(text: string): string | null {
  return SID_MEMBER.exec(text)?.[1] ?? null;
}
