import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Coalescer } from './coalesce.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('Coalescer', () => {
  test('acts at once, then once per interval', () => {
    const times: number[] = [];
    const coalescer = new Coalescer(100, () => times.push(Date.now()));
    const start = Date.now();
    for (let ms = 0; ms <= 250; ms += 10) {
      coalescer.request();
      jest.advanceTimersByTime(10);
    }
    jest.advanceTimersByTime(1_000);
    expect(times.map((time) => time - start)).toEqual([0, 100, 200, 300]);
  });

  test('acts at once again after a quiet interval', () => {
    let actions = 0;
    const coalescer = new Coalescer(100, () => {
      actions += 1;
    });
    coalescer.request();
    jest.advanceTimersByTime(100);
    expect(actions).toBe(1);
    coalescer.request();
    expect(actions).toBe(2);
  });

  test('lets the action ask again without running in circles', () => {
    let actions = 0;
    const coalescer: Coalescer = new Coalescer(100, () => {
      actions += 1;
      coalescer.request();
    });
    coalescer.request();
    expect(actions).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(actions).toBe(11);
  });

  test('forgets what is waiting when it is closed', () => {
    let actions = 0;
    const coalescer = new Coalescer(100, () => {
      actions += 1;
    });
    coalescer.request();
    coalescer.request();
    coalescer.close();
    jest.advanceTimersByTime(1_000);
    expect(actions).toBe(1);
  });
});
