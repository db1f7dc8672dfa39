import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether the bearer token of an Authorization header is the one with this SHA-256 (lower-case hex); takes the same time
 * for any wrong one.
 */
export function tokenMatches(header: string | undefined, sha256: string): boolean {
  const token = /^Bearer (.+)$/.exec(header ?? '')?.[1] ?? '';
  return timingSafeEqual(createHash('sha256').update(token).digest(), Buffer.from(sha256, 'hex'));
}
