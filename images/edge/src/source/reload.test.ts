import { describe, expect, test } from '@jest/globals';
import { inRhythm } from './reload.ts';

const OUTCOME = { beganAt: 10_000, changed: true, failures: 0, targetDurationSeconds: 2, ended: false };

describe('the second look at a source that somebody else has looked at', () => {
  test.each([
    ['is in the rhythm of that one', {}, 8_700, 10_700],
    ['is in it also where that is long ago', {}, 2_700, 10_700],
    ['is in the next beat, where this one is too near', {}, 8_100, 12_000],
    ['is as soon as ever where nothing was new', { changed: false }, 9_500, 11_000],
    ['is not in it after a failure', { failures: 2 }, 8_700, 12_000],
    ['nor where the source has ended', { ended: true }, 8_700, 25_000],
  ])('%s', (_what, change, rhythmAt, expected) => {
    expect(inRhythm({ ...OUTCOME, ...change }, rhythmAt)).toBe(expected);
  });
});
