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
    goodbyes.add({ uid: 'film', ids: ['1', '2'], secondsAgo: 0 });
    goodbyes.add({ uid: 'news', ids: ['1'], secondsAgo: 0 });
    nowMs += 20;
    goodbyes.add({ uid: 'film', ids: ['3'], secondsAgo: 0 });
    expect(goodbyes.of(all)).toEqual([
      { uid: 'film', ids: ['3'], secondsAgo: 0 },
      { uid: 'news', ids: ['1'], secondsAgo: 0.02 },
      { uid: 'film', ids: ['2', '1'], secondsAgo: 0.02 },
    ]);
  });

  test('are never more messages at once than may wait for an edge, and then the last ones', () => {
    for (let index = 0; index < 5_000; index += 1) {
      goodbyes.add({ uid: 'film', ids: [`f${index}`], secondsAgo: 0 });
      goodbyes.add({ uid: 'news', ids: [`n${index}`], secondsAgo: 0 });
      nowMs += 10;
    }
    const told = goodbyes.of(all);
    expect(told).toHaveLength(1_000);
    expect(told[0]).toEqual({ uid: 'news', ids: ['n4999'], secondsAgo: 0.01 });
    expect(told.at(-1)).toEqual({ uid: 'film', ids: ['f4500'], secondsAgo: 5 });
  });
});
