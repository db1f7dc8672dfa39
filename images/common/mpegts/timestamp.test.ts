import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addTicks, TIMESTAMP_MODULUS, ticksBetween } from './timestamp.ts';

const timestamp = fc.integer({ min: 0, max: TIMESTAMP_MODULUS - 1 });

describe('timestamps of 33 bits', () => {
  test('a wrap between two timestamps does not show', () => {
    expect(ticksBetween(TIMESTAMP_MODULUS - 10, 20)).toBe(30);
    expect(ticksBetween(20, TIMESTAMP_MODULUS - 10)).toBe(-30);
  });

  test('moving and measuring are inverse', () => {
    const half = TIMESTAMP_MODULUS / 2;
    fc.assert(
      fc.property(timestamp, fc.integer({ min: -half, max: half - 1 }), (from, ticks) => {
        const to = addTicks(from, ticks);
        expect(to).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThan(TIMESTAMP_MODULUS);
        expect(ticksBetween(from, to)).toBe(ticks);
      }),
    );
  });
});
