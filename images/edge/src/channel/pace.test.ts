import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addedLagMs, appearances, constantLagMs, publicationTime } from './pace.ts';

describe('the publication time', () => {
  const base = { durationSeconds: 2, lagMs: 2_500, targetDurationSeconds: 2 };

  test.each([
    { name: 'begins with appearance and lag', previousAt: null, appearedAt: 1_000, at: 3_500 },
    { name: 'goes on in the rhythm of the film', previousAt: 3_500, appearedAt: 3_000, at: 5_500 },
    { name: 'shifts slowly behind a late look', previousAt: 3_500, appearedAt: 3_900, at: 5_550 },
    { name: 'shifts slowly before an early one', previousAt: 3_500, appearedAt: 2_100, at: 5_450 },
    { name: 'begins anew after an outage', previousAt: 3_500, appearedAt: 20_000, at: 22_500 },
    { name: 'begins anew when the plan was far too late', previousAt: 13_500, appearedAt: 3_000, at: 5_500 },
  ])('$name', ({ previousAt, appearedAt, at }) => {
    expect(publicationTime({ ...base, previousAt, appearedAt })).toBe(at);
  });

  test.each([
    { name: 'is that of the owner before, whose new one finds it', previousAt: 3_500, appearedAt: 4_900, at: 5_500 },
    { name: 'shifts slowly before one that came early', previousAt: 3_500, appearedAt: 2_900, at: 5_450 },
    { name: 'begins anew after an outage, also of the owner', previousAt: 3_500, appearedAt: 20_000, at: 22_500 },
  ])('$name', ({ previousAt, appearedAt, at }) => {
    expect(publicationTime({ ...base, previousAt, appearedAt, mayBeOlder: true })).toBe(at);
  });

  test('is at once without a lag', () => {
    expect(publicationTime({ ...base, lagMs: 0, previousAt: 10_000, appearedAt: 4_000 })).toBe(4_000);
  });

  test('keeps gaps within a fortieth of the duration, however looks jitter by up to a quarter of it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 2, maxLength: 50 }), (jitter) => {
        let previousAt: number | null = null;
        jitter.forEach((late, index) => {
          const at = publicationTime({ ...base, previousAt, appearedAt: index * 2_000 + late });
          if (previousAt !== null) expect(Math.abs(at - previousAt - 2_000)).toBeLessThanOrEqual(50);
          previousAt = at;
        });
      }),
    );
  });
});

test('the lag is one target duration and half a second, for channels that may transcode', () => {
  expect(constantLagMs(2, true)).toBe(2_500);
  expect(constantLagMs(2, false)).toBe(0);
});

describe('the added lag', () => {
  test.each([
    { name: 'stays where rows come early enough', added: 100, margin: 250, after: 100 },
    { name: 'grows by what is missing', added: 100, margin: 220, after: 130 },
    { name: 'grows by no more than a fortieth', added: 100, margin: -300, after: 150 },
    { name: 'ends at half a target duration', added: 980, margin: -300, after: 1_000 },
    { name: 'does not follow the backlog of a start', added: 100, margin: -1_500, after: 100 },
  ])('$name', ({ added, margin, after }) => {
    expect(addedLagMs(added, margin, 2)).toBe(after);
  });
});

describe('the appearance of segments', () => {
  test('is counted back from the newest by durations', () => {
    expect(appearances([2, 1, 3], 10_000, null)).toEqual([6_000, 7_000, 10_000]);
  });

  test('is not before the look that did not see them', () => {
    expect(appearances([2, 2, 2], 10_000, 7_000)).toEqual([7_000, 8_000, 10_000]);
  });
});
