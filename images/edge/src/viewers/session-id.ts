import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * Ids travel in URLs, logs of players and JSON: the unreserved characters of RFC 3986. 128 characters hold any UUID,
 * ULID or our own ids with room, and bound the memory that one viewer costs.
 */
export const SESSION_ID_PATTERN = '[A-Za-z0-9._~-]{1,128}';
const SESSION_ID = new RegExp(`^${SESSION_ID_PATTERN}$`);

/** Milliseconds since the epoch in 48 bits: enough for the next eight thousand years. */
const TIME_BYTES = 6;
/** 80 random bits for each millisecond: no two viewers ever share an id. */
const RANDOM_BYTES = 10;
/** 128 bits of HMAC-SHA-256: enough against forgery, and half of the full length in every URL. */
const SIGNATURE_BYTES = 16;
const MINTED_PREFIX = 's2.';
/** `s1` ids hold no time; edges of the version before mint them while an installation is updated. */
const MINTED_ID = /^s([12])\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/;

/** No two of the viewers of a channel share them, nor of all channels of an edge. */
const HASH_BYTES = 8;

/** Mints and recognises session ids. */
export interface SessionIds {
  /** A fresh signed id for a viewer of one channel; `key` is `<namespace>/<name>`. */
  mint(key: string): string;
  /**
   * Milliseconds since an id was minted for this channel, on whichever edge, by the clocks of both (0 at least, also for
   * an id that does not say when); null for an id that no edge has minted for it. Costs one HMAC.
   */
  mintedAgeMs(key: string, id: string): number | null;
}

/**
 * @param secret the bytes of `session.key`, the same on all edges; at least 16
 * @param wallNow milliseconds since the epoch: edges compare their clocks
 */
export function createSessionIds(
  secret: Uint8Array,
  wallNow: () => number = Date.now,
  random: (bytes: number) => Buffer = randomBytes,
): SessionIds {
  const sign = (key: string, text: string): Buffer =>
    createHmac('sha256', secret).update(`sluice-session-v1\n${key}\n${text}`).digest().subarray(0, SIGNATURE_BYTES);
  return {
    mint(key) {
      const time = Buffer.alloc(TIME_BYTES);
      time.writeUIntBE(Math.max(0, Math.floor(wallNow())), 0, TIME_BYTES);
      const text = Buffer.concat([time, random(RANDOM_BYTES)]).toString('base64url');
      return `${MINTED_PREFIX}${text}.${sign(key, text).toString('base64url')}`;
    },
    mintedAgeMs(key, id) {
      const match = MINTED_ID.exec(id);
      if (match?.[2] === undefined || match[3] === undefined) return null;
      if (!timingSafeEqual(Buffer.from(match[3], 'base64url'), sign(key, match[2]))) return null;
      if (match[1] === '1') return 0;
      return Math.max(0, wallNow() - Buffer.from(match[2], 'base64url').readUIntBE(0, TIME_BYTES));
    },
  };
}

/** Whether a text may be a session id: 1 to 128 unreserved characters of RFC 3986. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/** The id itself if it may be one. @throws SluiceError `SESSION_INVALID` (400) */
export function checkSessionId(text: string): string {
  if (isSessionId(text)) return text;
  throw new SluiceError('A session id has 1 to 128 characters out of A-Z a-z 0-9 . _ ~ -', {
    code: 'SESSION_INVALID',
    retryable: false,
    status: 400,
  });
}

/** 64 bits of SHA-256 as 16 hex digits: how an id is called on the link. The same on every edge. */
export function sessionIdHash(id: string): string {
  // From the bytes: a part of a longer text would keep all of it in memory, for as long as the viewer is known.
  return hash('sha256', id, 'buffer').toString('hex', 0, HASH_BYTES);
}
