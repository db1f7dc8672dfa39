import { expect, test } from '@jest/globals';
import { OwnLateness } from './own-lateness.ts';

/** Looks that come at these times, in ms. */
function lookedAt(...times: number[]): OwnLateness {
  let now = 0;
  const lateness = new OwnLateness(() => now);
  for (const time of times) {
    now = time;
    lateness.look();
  }
  return lateness;
}

test.each([
  ['nothing of looks in time', lookedAt(100, 210, 330), 0, 400, 0],
  ['what a look came too late', lookedAt(100, 1_200), 0, 2_000, 1_000],
  ['only what of it lies in that time', lookedAt(100, 1_200), 500, 900, 400],
  ['the sum of several', lookedAt(600, 1_300), 0, 2_000, 1_100],
  ['nothing of other times', lookedAt(100, 1_200, 1_300), 1_200, 2_000, 0],
])('knows of a time %s', (_, lateness, from, to, expected) => expect(lateness.within(from, to)).toBe(expected));

test('counts a look that is overdue', () => {
  let now = 0;
  const lateness = new OwnLateness(() => now);
  now = 3_100;
  expect(lateness.within(0, now)).toBe(3_000);
});

test('says the longest, and forgets times that no buffer reaches back to', () => {
  const lateness = lookedAt(5_100, 5_200, 90_000);
  expect(lateness.longest).toBe(84_700);
  expect(lateness.within(0, 5_300)).toBe(0);
});
