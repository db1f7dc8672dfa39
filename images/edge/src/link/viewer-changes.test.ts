import { describe, expect, test } from '@jest/globals';
import { edgeMessageSchema, MAX_EDGE_FRAME_BYTES } from '@sluice/common/link/messages.ts';
import { changeMessages, MAX_IDS_PER_MESSAGE, snapshotMessages } from './viewer-changes.ts';

const hashOf = (index: number): string => index.toString(16).padStart(16, '0');
const viewers = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ hash: hashOf(index), trusted: false }));

describe('snapshotMessages', () => {
  test('says it, also when nobody is there', () => {
    expect(snapshotMessages('uid', [])).toEqual([
      { type: 'viewers', uid: 'uid', snapshot: true, joined: [], left: [] },
    ]);
  });

  test('puts a large audience into a snapshot and changes, each within a frame', () => {
    const messages = snapshotMessages('uid', viewers(2 * MAX_IDS_PER_MESSAGE + 1));
    expect(messages.map(({ snapshot, joined }) => [snapshot, joined.length])).toEqual([
      [true, MAX_IDS_PER_MESSAGE],
      [false, MAX_IDS_PER_MESSAGE],
      [false, 1],
    ]);
    for (const message of messages) {
      expect(JSON.stringify(message).length).toBeLessThan(MAX_EDGE_FRAME_BYTES);
      expect(edgeMessageSchema.safeParse(message).success).toBe(true);
    }
  });
});

describe('changeMessages', () => {
  test('says what is so now, whatever happened in between', () => {
    const messages = changeMessages('uid', [hashOf(1), hashOf(2)], (hash) =>
      hash === hashOf(1) ? { hash, trusted: true } : null,
    );
    expect(messages).toEqual([
      { type: 'viewers', uid: 'uid', snapshot: false, joined: [{ id: hashOf(1), trusted: true }], left: [hashOf(2)] },
    ]);
  });

  test('says nothing of nothing', () => {
    expect(changeMessages('uid', [], () => null)).toEqual([]);
  });
});
