import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
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

  test('ends soon when no edge knows the session any more', async () => {
    const time = clock();
    const unknown = new SluiceError('no such session', { code: 'OWNER_REFUSED', retryable: true, status: 401 });
    const drain = new Drain({ ask: () => Promise.reject(unknown), ...time, limitMs: 50_000 });
    expect(await drain.start()).toBe(true);
    expect(time.now()).toBe(3000);
  });

  test('waits for an owner that cannot be reached', async () => {
    const time = clock();
    const away = new SluiceError('no answer', { code: 'OWNER_UNREACHABLE', retryable: true, status: 503 });
    const drain = new Drain({ ask: () => Promise.reject(away), ...time, limitMs: 50_000 });
    expect(await drain.start()).toBe(false);
  });
});
