import { describe, expect, test } from '@jest/globals';
import { createBackOff } from './back-off.ts';

describe('createBackOff', () => {
  test('doubles from 0.8 s to 30 s', () => {
    const backOff = createBackOff(() => 0);
    expect(Array.from({ length: 8 }, () => backOff.next(0))).toEqual([
      800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
  });

  test('adds up to as much again by chance', () => {
    expect(createBackOff(() => 0.5).next(0)).toBe(1200);
  });

  test('starts small again after an attempt that lived two minutes', () => {
    const backOff = createBackOff(() => 0);
    backOff.next(0);
    expect(backOff.next(119_999)).toBe(1600);
    expect(backOff.next(120_000)).toBe(800);
  });
});
