import { describe, expect, test } from '@jest/globals';
import { percentile, tableOf } from './statistics.ts';

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

describe('a table of measurements', () => {
  const row = { what: 'speed', measured: '6', reference: 'nginx: 7' };

  test('has three columns that stand below each other', () => {
    expect(tableOf([row])).toBe(
      ['| what  | measured | reference |', '| ----- | -------- | --------- |', '| speed | 6        | nginx: 7  |'].join(
        '\n',
      ),
    );
  });

  test('has one of goals where any row has one', () => {
    const [head, , first, second] = tableOf([row, { ...row, goal: '60 MB, met' }]).split('\n');
    expect(head).toBe('| what  | measured | reference | goal       |');
    expect(first).toBe('| speed | 6        | nginx: 7  |            |');
    expect(second).toBe('| speed | 6        | nginx: 7  | 60 MB, met |');
  });
});
