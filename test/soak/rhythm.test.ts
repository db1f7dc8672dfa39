import { describe, expect, test } from '@jest/globals';
import { latenessSeconds, worstLatenessSeconds } from './rhythm.ts';

/** Segments of 2 s that were listed at these seconds. */
const listed = (...seconds: number[]) =>
  seconds.map((second, index) => ({ msn: 10 + index, atMilliseconds: second * 1000, durationSeconds: 2 }));

describe('how late segments are after the end of an owner', () => {
  test.each([
    ['nothing is late in the rhythm', listed(0, 2, 4, 6, 8), 5, 0],
    ['the first one is', listed(0, 2, 4, 9, 10, 12), 5, 3],
    ['a jitter before the end does not hide it', listed(0, 2.5, 4, 7.5, 8), 5, 1.5],
    ['a lateness that stays is the worst', listed(0, 2, 4, 7, 9, 11.5), 5, 1.5],
    ['what comes much later is another story', listed(0, 2, 4, 6, 40), 5, 0],
    ['unknown where nothing comes', listed(0, 2, 4), 5, null],
    ['unknown where nothing was', listed(6, 8), 5, null],
  ])('%s', (_, listings, end, expected) => expect(latenessSeconds(listings, end * 1000)).toBe(expected));
});

test.each([
  ['nothing in the rhythm', listed(0, 2, 4, 6), 0],
  ['the worst of all', listed(0, 2, 5, 6, 10, 10.5), 2],
  ['nothing of a rhythm that drifts', listed(0, 2.001, 4.002, 6.003), 0.003],
  ['nothing without a segment', [], 0],
])('a source is late by %s', (_, listings, expected) => expect(worstLatenessSeconds(listings)).toBeCloseTo(expected));
