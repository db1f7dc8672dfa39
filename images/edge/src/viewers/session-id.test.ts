import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkSessionId, createSessionIds, isSessionId, sessionIdHash } from './session-id.ts';

const SECRET = Buffer.alloc(32, 7);

describe('session ids', () => {
  test('are recognised on every edge that has the same key', () => {
    const id = createSessionIds(SECRET).mint('default/film');
    expect(createSessionIds(SECRET).mintedAgeMs('default/film', id)).toEqual(expect.any(Number));
    expect(isSessionId(id)).toBe(true);
  });

  test('are not taken for minted under another key, for another channel, or with any character changed', () => {
    const ids = createSessionIds(SECRET);
    const id = ids.mint('default/film');
    expect(createSessionIds(Buffer.alloc(32, 8)).mintedAgeMs('default/film', id)).toBeNull();
    expect(ids.mintedAgeMs('default/news', id)).toBeNull();
    fc.assert(
      // The last character of 16 bytes in base64 holds padding bits, so another letter may mean the same bytes.
      fc.property(fc.nat(id.length - 2), fc.constantFrom(...'Aaz09_'), (index, letter) => {
        const changed = id.slice(0, index) + letter + id.slice(index + 1);
        expect(ids.mintedAgeMs('default/film', changed) !== null).toBe(changed === id);
      }),
    );
  });

  test('say how old they are, on every edge, and 0 where the clock of another edge is ahead', () => {
    let nowMs = 1_700_000_000_000;
    const id = createSessionIds(SECRET, () => nowMs).mint('default/film');
    const elsewhere = createSessionIds(SECRET, () => nowMs);
    nowMs += 2_500;
    expect(elsewhere.mintedAgeMs('default/film', id)).toBe(2_500);
    nowMs -= 3_000;
    expect(elsewhere.mintedAgeMs('default/film', id)).toBe(0);
  });

  test('never throw on an id from outside', () => {
    const ids = createSessionIds(SECRET);
    fc.assert(fc.property(fc.string(), (text) => ids.mintedAgeMs('default/film', text) === null));
  });

  test.each(['a', 'A-Z.a_z~09', 'x'.repeat(128)])('"%s" may be one', (text) => {
    expect(checkSessionId(text)).toBe(text);
  });

  test.each(['', 'a b', 'a/b', 'ä', 'a\n', '"', 'x'.repeat(129)])('"%s" may not be one', (text) => {
    expect(() => checkSessionId(text)).toThrow(expect.objectContaining({ code: 'SESSION_INVALID', status: 400 }));
  });

  test('are called by the first 64 bits of their SHA-256 on the link', () => {
    // printf abc | sha256sum
    expect(sessionIdHash('abc')).toBe('ba7816bf8f01cfea');
  });
});
