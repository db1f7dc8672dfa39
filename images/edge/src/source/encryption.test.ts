import { describe, expect, test } from '@jest/globals';
import { CLEAR_AFTER_MS, EncryptionSeen } from './encryption.ts';
import { sourceSegment } from './playlist.testing.ts';

const KEY = {
  method: 'AES-128',
  uri: 'https://keys.test/1',
  tag: '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/1"',
};
const clear = sourceSegment({ msn: 1, uri: 'http://host/1.ts' });
const encrypted = { ...clear, keys: [KEY] };

describe('the encryption of a source', () => {
  test('is known as long as one of its listed segments, or initialization sections, is encrypted', () => {
    expect(new EncryptionSeen().look({ segments: [clear] }, 0)).toBeNull();
    expect(new EncryptionSeen().look({ segments: [encrypted, clear] }, 0)).toBe('AES-128');
    expect(new EncryptionSeen().look({ segments: [{ ...clear, mapKeys: [KEY] }] }, 0)).toBe('AES-128');
  });

  test('outlasts breaks that are clear, and ends with a source that has become clear', () => {
    const seen = new EncryptionSeen();
    expect(seen.look({ segments: [encrypted] }, 5_000)).toBe('AES-128');
    expect(seen.look({ segments: [clear] }, 5_000 + CLEAR_AFTER_MS - 1)).toBe('AES-128');
    expect(seen.look({ segments: [clear] }, 5_000 + CLEAR_AFTER_MS)).toBeNull();
  });
});
