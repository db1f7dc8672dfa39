import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { steadyClock } from './steady-clock.ts';

describe('the steady clock', () => {
  let wall: number;
  let monotonic: number;
  let now: () => number;

  beforeEach(() => {
    wall = 1_000_000;
    monotonic = 50;
    now = steadyClock(
      () => wall,
      () => monotonic,
    );
  });

  function pass(milliseconds: number): number {
    wall += milliseconds;
    monotonic += milliseconds;
    return now();
  }

  test('shows the time of day', () => {
    expect([now(), pass(10), pass(0), pass(86_400_000)]).toEqual([1_000_000, 1_000_010, 1_000_010, 87_400_010]);
  });

  test('jumps ahead with it', () => {
    wall += 86_400_000;
    expect(now()).toBe(87_400_000);
  });

  test('goes on where it is set back, a little slower until they meet', () => {
    wall -= 1000;
    expect(now()).toBe(1_000_000);
    expect(pass(1000)).toBe(1_000_900);
    expect(pass(20_000)).toBe(1_020_000);
  });

  test('never goes back and never stands still, whatever happens to the wall clock', () => {
    const step = fc.record({ elapsed: fc.integer({ min: 1, max: 1e6 }), jump: fc.integer({ min: -1e9, max: 1e9 }) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        for (const { elapsed, jump } of steps) {
          const before = now();
          wall += jump;
          expect(pass(elapsed) - before).toBeGreaterThanOrEqual(elapsed * 0.9 - 1e-3);
        }
      }),
    );
  });
});
