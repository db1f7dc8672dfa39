import { describe, expect, test } from '@jest/globals';
import { growthFaults, growthOf, type Holding } from './growth.ts';

/** A sample every 10 s. */
function life(seconds: number, at: (second: number) => Partial<Holding>): Holding[] {
  return Array.from({ length: seconds / 10 + 1 }, (_, index) => {
    const second = 300 + index * 10;
    return { second, megabytes: 100, heldMegabytes: 90, objectMegabytes: 30, descriptors: 40, ...at(index * 10) };
  });
}

describe('the growth of a process', () => {
  test.each<[string, (second: number) => Partial<Holding>, string[]]>([
    ['none of one that stays as it is', () => ({}), []],
    ['none of one that has only started up', (second) => ({ heldMegabytes: Math.min(second, 60) * 3 }), []],
    ['none of one that has not collected its garbage', (second) => ({ megabytes: 100 + second }), []],
    [
      'none of one that goes up and down',
      (second) => ({ heldMegabytes: 100 + (second % 50), descriptors: second % 70 }),
      [],
    ],
    [
      'that of a leak of memory',
      (second) => ({ heldMegabytes: 100 + second / 5 }),
      ['edge: memory grew by 64 MB in 480 s'],
    ],
    [
      'that of a leak of objects, much smaller',
      (second) => ({ heldMegabytes: 90 + second / 25, objectMegabytes: 30 + second / 25 }),
      ['edge: objects in use grew by 13 MB in 480 s'],
    ],
    [
      'that of a leak of descriptors',
      (second) => ({ descriptors: second }),
      ['edge: 320 more descriptors after 480 s'],
    ],
  ])('is %s', (_, at, faults) => {
    const growth = growthOf(life(540, at));
    expect(growth === null ? null : growthFaults('edge', growth)).toEqual(faults);
  });

  test('is not judged of a short life', () => {
    expect(growthOf(life(110, (second) => ({ heldMegabytes: second * 10 })))).toBeNull();
    expect(growthOf([])).toBeNull();
  });
});
