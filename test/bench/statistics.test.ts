import { expect, test } from '@jest/globals';
import { percentile } from './statistics.ts';

test.each([
  { share: 0.5, value: 50 },
  { share: 0.99, value: 99 },
  { share: 1, value: 100 },
])('the nearest rank of 1..100 at $share is $value', ({ share, value }) => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(samples, share)).toBe(value);
});

test('no samples have no percentile', () => {
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});
