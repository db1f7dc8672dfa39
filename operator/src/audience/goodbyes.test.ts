import { beforeEach, describe, expect, test } from '@jest/globals';
import { RememberedGoodbyes } from './goodbyes.ts';

describe('goodbyes that an edge may not have been told of', () => {
  let nowMs: number;
  let goodbyes: RememberedGoodbyes;

  beforeEach(() => {
    nowMs = 1_000_000;
    goodbyes = new RememberedGoodbyes(() => nowMs);
  });

  const all = () => true;

  test('go together by channel and age', () => {
    goodbyes.add('b', { uid: 'film', ids: ['1', '2'], secondsAgo: 0 });
    goodbyes.add('b', { uid: 'news', ids: ['1'], secondsAgo: 0 });
    nowMs += 20;
    goodbyes.add('b', { uid: 'film', ids: ['3'], secondsAgo: 0 });
    expect(goodbyes.missedBy('a', all)).toEqual([
      { uid: 'film', ids: ['3'], secondsAgo: 0 },
      { uid: 'news', ids: ['1'], secondsAgo: 0.02 },
      { uid: 'film', ids: ['2', '1'], secondsAgo: 0.02 },
    ]);
  });

  test('are never more messages at once than may wait for an edge, and then the last ones', () => {
    for (let index = 0; index < 5_000; index += 1) {
      goodbyes.add('b', { uid: 'film', ids: [`f${index}`], secondsAgo: 0 });
      goodbyes.add('b', { uid: 'news', ids: [`n${index}`], secondsAgo: 0 });
      nowMs += 10;
    }
    const told = goodbyes.missedBy('a', all);
    expect(told).toHaveLength(1_000);
    expect(told[0]).toEqual({ uid: 'news', ids: ['n4999'], secondsAgo: 0.01 });
    expect(told.at(-1)).toEqual({ uid: 'film', ids: ['f4500'], secondsAgo: 5 });
  });

  test('are not told to the edge that they were said at', () => {
    goodbyes.add('a', { uid: 'film', ids: ['1', '2'], secondsAgo: 0 });
    goodbyes.add('b', { uid: 'film', ids: ['2'], secondsAgo: 1 }); // before, and told again
    expect(goodbyes.missedBy('a', all)).toEqual([]);
    expect(goodbyes.missedOf('a', 'film', ['1', '2'], 5_000)).toEqual([]);
    expect(goodbyes.missedBy('b', all)).toEqual([{ uid: 'film', ids: ['2', '1'], secondsAgo: 0 }]);
    goodbyes.add('b', { uid: 'film', ids: ['1'], secondsAgo: 0 });
    expect(goodbyes.missedOf('a', 'film', ['1', '2'], 5_000)).toEqual([{ uid: 'film', ids: ['1'], secondsAgo: 0 }]);
  });

  test('of a few viewers are found without a look at all others', () => {
    let looks = 0;
    const ids = Array.from({ length: 100 }, (_, index) => `f${index}`);
    goodbyes = new RememberedGoodbyes(() => {
      looks += 1;
      return nowMs;
    });
    goodbyes.add('b', { uid: 'film', ids, secondsAgo: 0 });
    nowMs += 20;
    looks = 0;
    expect(goodbyes.missedOf('a', 'film', ['f7', 'new'], 5_000)).toEqual([
      { uid: 'film', ids: ['f7'], secondsAgo: 0.02 },
    ]);
    expect(looks).toBeLessThan(5);
    nowMs += 5_000;
    expect(goodbyes.missedOf('a', 'film', ['f7'], 5_000)).toEqual([]);
  });

  test('are fifty thousand at most, and of each viewer one: the oldest go first', () => {
    const ids = Array.from({ length: 50_000 }, (_, index) => `f${index}`);
    goodbyes.add('b', { uid: 'film', ids, secondsAgo: 0 });
    goodbyes.add('b', { uid: 'film', ids: ['f0'], secondsAgo: 0 });
    expect(goodbyes.missedOf('a', 'film', ['f1'], 5_000)).toHaveLength(1);
    goodbyes.add('b', { uid: 'film', ids: ['new'], secondsAgo: 0 });
    expect(goodbyes.missedOf('a', 'film', ['f1'], 5_000)).toEqual([]);
    expect(goodbyes.missedOf('a', 'film', ['f0', 'new'], 5_000)).toHaveLength(1);
  });
});
