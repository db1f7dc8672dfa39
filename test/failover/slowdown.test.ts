import { expect, test } from '@jest/globals';
import { slowdownDuring, slowdownOf } from './slowdown.ts';

test.each([
  ['1 without a look', [], 1],
  ['1 on a core of its own', [[25, 25]], 1],
  ['never less, whatever clocks round', [[24, 25]], 1],
  [
    'the share of all looks',
    [
      [25, 25],
      [125, 25],
    ],
    3,
  ],
] as const)('is %s', (_, looks, expected) => {
  const efforts = looks.map(([wallMilliseconds, cpuMilliseconds]) => ({ wallMilliseconds, cpuMilliseconds }));
  expect(slowdownOf(efforts)).toBe(expected);
});

test('is measured while something else is done', async () => {
  const { result, slowdown } = await slowdownDuring(async () => 'done');
  expect(result).toBe('done');
  expect(slowdown).toBeGreaterThanOrEqual(1);
});
