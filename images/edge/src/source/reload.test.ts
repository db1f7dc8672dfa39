import { describe, expect, test } from '@jest/globals';
import { sourceSegment } from './playlist.testing.ts';
import { inRhythm, rhythmSeconds } from './reload.ts';

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

describe('the rhythm in which a source is looked at', () => {
  test.each([
    ['is its target duration', { declared: 6, longest: 2, published: null }, 6],
    [
      'stays with the playlists where only the source says something longer',
      { declared: 6, longest: 2, published: 2 },
      2,
    ],
    ['is that of longer segments', { declared: 6, longest: 3.8, published: 2 }, 4],
    ['is no longer than the source says', { declared: 3, longest: 6, published: 2 }, 3],
    ['is shorter with the source', { declared: 2, longest: 2, published: 6 }, 2],
  ])('%s', (_what, { declared, longest, published }, expected) => {
    const segments = [1, longest, 2].map((durationSeconds, msn) =>
      sourceSegment({ msn, uri: `http://source/${msn}.ts`, durationSeconds }),
    );
    expect(rhythmSeconds({ targetDurationSeconds: declared, segments }, published)).toBe(expected);
  });
});
