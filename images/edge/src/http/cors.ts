import type { ServerResponse } from 'node:http';

/**
 * Players on any page may use /live and /api: nothing there depends on cookies, so `*` gives nothing away.
 * The CMCD headers (CTA-5004) are what players add to media requests.
 */
export const CORS_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Expose-Headers', 'Content-Length, Date, Retry-After'],
];

/** Added to the answer of a preflight request; a day is the longest that any browser keeps it. */
export const PREFLIGHT_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Access-Control-Allow-Methods', 'GET, HEAD, POST, OPTIONS'],
  ['Access-Control-Allow-Headers', 'Content-Type, Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status'],
  ['Access-Control-Max-Age', '86400'],
];

/** Marks an answer as readable by any page. */
export function allowAnyOrigin(response: ServerResponse): void {
  for (const [name, value] of CORS_HEADERS) response.setHeader(name, value);
}

/** Answers an OPTIONS request. */
export function sendPreflight(response: ServerResponse): void {
  for (const [name, value] of PREFLIGHT_HEADERS) response.setHeader(name, value);
  response.writeHead(204).end();
}
