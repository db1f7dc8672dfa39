import { describe, expect, test } from '@jest/globals';
import { RecentGoodbyes } from './recent-goodbyes.ts';

describe('goodbyes of a moment ago', () => {
  test('make older signs of life of the same viewer and channel void, for two seconds', () => {
    const goodbyes = new RecentGoodbyes();
    goodbyes.add('film', 'anna', 1_000, 1_000);
    expect(goodbyes.hasLeftSince('film', 'anna', 1_000)).toBe(true);
    expect(goodbyes.hasLeftSince('film', 'anna', 1_001)).toBe(false);
    expect(goodbyes.hasLeftSince('film', 'bert', 0)).toBe(false);
    expect(goodbyes.hasLeftSince('news', 'anna', 0)).toBe(false);
    goodbyes.add('film', 'anna', 500, 2_500); // told late
    expect(goodbyes.hasLeftSince('film', 'anna', 1_000)).toBe(true);
    goodbyes.sweep(4_500);
    expect(goodbyes.hasLeftSince('film', 'anna', 0)).toBe(true);
    goodbyes.sweep(4_501);
    expect(goodbyes.hasLeftSince('film', 'anna', 0)).toBe(false);
  });

  test('are twenty thousand at most: the oldest go first', () => {
    const goodbyes = new RecentGoodbyes();
    for (let index = 0; index <= 20_000; index += 1) goodbyes.add('film', `viewer ${index}`, 0, 0);
    expect(goodbyes.hasLeftSince('film', 'viewer 0', 0)).toBe(false);
    expect(goodbyes.hasLeftSince('film', 'viewer 1', 0)).toBe(true);
  });
});
