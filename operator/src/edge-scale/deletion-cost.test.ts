import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { costsToWrite, deletionCost, type PodDuties } from './deletion-cost.ts';

const duties = (podUid: string, ownedViewers: number, viewers: number): PodDuties => ({
  ...{ podUid, podName: podUid, ownedViewers, viewers },
});
const NOW_MS = 100_000;

describe('the deletion cost of an edge pod', () => {
  test('is an int32 that puts every owner of a busy channel behind every other pod', () => {
    const amount = fc.nat({ max: 2 ** 40 });
    fc.assert(
      fc.property(amount, amount, amount, amount, (owned, viewers, otherViewers, more) => {
        const owner = deletionCost(duties('a', owned + 1, viewers));
        const other = deletionCost(duties('b', 0, otherViewers));
        expect(owner).toBeGreaterThan(other);
        expect(deletionCost(duties('a', owned + 1 + more, viewers))).toBeGreaterThanOrEqual(owner);
        expect(deletionCost(duties('b', 0, otherViewers + more))).toBeGreaterThanOrEqual(other);
        expect(owner).toBeLessThanOrEqual(2 ** 31 - 1);
        expect(other).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test.each([
    ['was never written', undefined, ['a']],
    ['stands there', { cost: 5, atMs: NOW_MS - 1000 }, []],
    ['stands there for long', { cost: 5, atMs: NOW_MS - 61_000 }, ['a']],
    ['is from when the pod was an owner', { cost: 1_000_005, atMs: NOW_MS - 1000 }, ['a']],
    ['is a little off', { cost: 500, atMs: NOW_MS - 1000 }, []],
  ])('that %s', (_name, known, expected) => {
    const written = new Map(known === undefined ? [] : [['a', known]]);
    const names = costsToWrite([duties('a', 0, 5)], written, NOW_MS).map(({ podName }) => podName);
    expect(names).toEqual(expected);
  });
});
