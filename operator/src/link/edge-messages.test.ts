import { describe, expect, test } from '@jest/globals';
import { parseEdgeMessage } from './edge-link.ts';

const parse = (message: unknown) => parseEdgeMessage(JSON.stringify(message));

describe('messages of edges', () => {
  test('of the version before are understood, which says nothing of its process', () => {
    const challenge = { type: 'challenge', nonce: 'n', podName: 'edge-0', podUid: 'uid' };
    expect(parse(challenge)).toEqual(challenge);
  });

  test('of a later version may be of a type that is not known, and may say more', () => {
    expect(parse({ type: 'recording', what: 1 })).toBeNull();
    expect(parse({ type: 'synced', more: true })).toEqual({ type: 'synced' });
  });

  test.each([
    [
      'more ids in a question than an edge asks about',
      { type: 'admit', uid: 'c', ids: Array(10_001).fill('0123456789abcdef') },
    ],
    ['an id that is no hash', { type: 'leave', uid: 'c', ids: ['anna'] }],
    ['a goodbye from the future', { type: 'leave', uid: 'c', ids: [], secondsAgo: -1 }],
    ['a uid that is none', { type: 'viewers', uid: 'x'.repeat(65), snapshot: true, joined: [], left: [] }],
    ['a name that is too long', { type: 'challenge', nonce: '', podName: '', podUid: '', instance: 'x'.repeat(65) }],
  ])('are refused with %s', (_what, message) => {
    expect(() => parse(message)).toThrow('message not understood');
  });
});
