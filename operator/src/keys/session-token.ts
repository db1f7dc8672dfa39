import { createHash, createHmac, createPrivateKey, hkdfSync } from 'node:crypto';

/** Tokens of StreamSessions. */
export interface SessionTokens {
  /** The bearer token of a session's pods; 43 characters of base64url. */
  token(sessionUid: string): string;
  /** Its SHA-256 in lower-case hex, as the edges get it. */
  tokenSha256(sessionUid: string): string;
}

/**
 * Derives the tokens from the operator's private key (HKDF, RFC 5869): an operator that takes over knows the tokens of
 * running sessions without reading a Secret, and no token is worth anything for another session.
 */
export function createSessionTokens(operatorKey: string): SessionTokens {
  const secret = createPrivateKey(operatorKey).export({ type: 'pkcs8', format: 'der' });
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'sluice session tokens v1', 32));
  const token = (sessionUid: string): string => createHmac('sha256', key).update(sessionUid).digest('base64url');
  return { token, tokenSha256: (sessionUid) => createHash('sha256').update(token(sessionUid)).digest('hex') };
}
