import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WriteBudget } from './write-budget.ts';

function budgetAndClock() {
  const clock = { nowMs: 0 };
  return { clock, budget: new WriteBudget(() => clock.nowMs) };
}

/** Makes all writes that there is room for. */
function writeAll(budget: WriteBudget): number {
  let writes = 0;
  for (; budget.hasRoom; writes += 1) budget.spend();
  return writes;
}

describe('the budget of writes', () => {
  test('allows ten at once and fifteen a second from then on', () => {
    const { budget, clock } = budgetAndClock();
    expect(writeAll(budget)).toBe(10);
    let writes = 0;
    for (let step = 0; step < 100; step += 1) {
      clock.nowMs += 100;
      writes += writeAll(budget);
    }
    expect(writes).toBe(150);
  });

  test('saves no more than ten for later', () => {
    const { budget, clock } = budgetAndClock();
    writeAll(budget);
    clock.nowMs = 3_600_000;
    expect(writeAll(budget)).toBe(10);
  });

  test('counts writes that do not ask, and lets the others wait for them', () => {
    const { budget, clock } = budgetAndClock();
    for (let write = 0; write < 19; write += 1) budget.spend();
    clock.nowMs = 600;
    expect(budget.hasRoom).toBe(false);
    clock.nowMs = 700;
    expect(budget.hasRoom).toBe(true);
  });

  test('has room again two seconds after a storm, however large that was', () => {
    const { budget, clock } = budgetAndClock();
    for (let write = 0; write < 100_000; write += 1) budget.spend();
    clock.nowMs = 2_000;
    expect(budget.hasRoom).toBe(false);
    clock.nowMs = 2_100;
    expect(budget.hasRoom).toBe(true);
  });

  test('is never exceeded, whatever else is written, as long as that alone does not', () => {
    const second = fc.record({ urgent: fc.integer({ min: 0, max: 15 }), asks: fc.integer({ min: 0, max: 50 }) });
    fc.assert(
      fc.property(fc.array(second, { minLength: 1, maxLength: 50 }), (seconds) => {
        const { budget, clock } = budgetAndClock();
        let writes = 0;
        for (const { urgent, asks } of seconds) {
          for (let ask = 0; ask < asks && budget.hasRoom; ask += 1, writes += 1) budget.spend();
          for (let write = 0; write < urgent; write += 1, writes += 1) budget.spend();
          clock.nowMs += 1000;
        }
        expect(writes).toBeLessThanOrEqual(10 + 15 * seconds.length);
      }),
    );
  });
});
