import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PendingSegment } from '../channel/pending.ts';
import { chooseWork, ptsDistance } from './feed.ts';

function segment(msn: number, discontinuity = false, map: string | null = null): PendingSegment {
  const download = { state: 'stored', inspection: null, spans: null, start: null, map } as const;
  return { msn, epoch: 3, durationSeconds: 2, discontinuity, download } as PendingSegment;
}

const stored = [segment(4), segment(5), segment(6), segment(7)];
const fed = (epoch: number, after: number, from = stored) =>
  chooseWork(from, epoch, after).segments.map((one) => one.msn);

describe('the work of an agent', () => {
  test('begins with the last two segments', () => {
    expect(fed(0, -1)).toEqual([6, 7]);
    expect(fed(2, 99)).toEqual([6, 7]);
  });

  test('begins behind a break', () => {
    expect(fed(0, -1, [segment(6), segment(7, true)])).toEqual([7]);
  });

  test('goes on behind what it has', () => {
    expect(fed(3, 5)).toEqual([6, 7]);
    expect(fed(3, 7)).toEqual([]);
  });

  test('tells a hole as a break', () => {
    const work = chooseWork([segment(4), segment(6), segment(7)], 3, 4);
    expect(work.segments.map((one) => one.discontinuity)).toEqual([true, false]);
  });

  test('names the initialization section of each segment that needs one', () => {
    const { segments } = chooseWork([segment(6, false, 's/a'), segment(7, false, 's/b')], 0, -1);
    expect(segments.map(({ init }) => init)).toEqual(['s/a', 's/b']);
    expect(Object.keys(chooseWork(stored, 0, -1).segments[0] ?? {})).not.toContain('init');
  });

  test('is nothing where nothing is stored', () => {
    expect(chooseWork([], 0, -1)).toEqual({ epoch: 1, segments: [] });
  });
});

test('the distance of timestamps goes the short way around the 33 bit clock', () => {
  expect(ptsDistance(10, 2 ** 33 - 10)).toBe(20);
  expect(ptsDistance(2 ** 33 - 10, 10)).toBe(-20);
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), (start, distance) => {
      const clock = 2 ** 33;
      expect(ptsDistance((((start + distance) % clock) + clock) % clock, start)).toBe(distance);
    }),
  );
});
