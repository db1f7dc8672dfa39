import { describe, expect, test } from '@jest/globals';
import { Drain } from './drain.ts';

function clock() {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms: number): Promise<void> => {
      now += ms;
    },
  };
}

describe('the drain', () => {
  test('asks until the owner lets go, once for all who wait', async () => {
    let questions = 0;
    const ask = async (): Promise<boolean> => {
      if (++questions === 1) throw new Error('the owner is away');
      return questions >= 4;
    };
    const drain = new Drain({ ask, ...clock(), limitMs: 50_000 });
    const both = Promise.all([drain.start(), drain.start()]);
    expect(await both).toEqual([true, true]);
    expect(questions).toBe(4);
  });

  test('ends when its time is over', async () => {
    const time = clock();
    const drain = new Drain({ ask: async () => false, ...time, limitMs: 50_000 });
    expect(await drain.start()).toBe(false);
    expect(time.now()).toBe(50_000);
  });
});
