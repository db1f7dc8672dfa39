import { describe, expect, test } from '@jest/globals';
import { compared, type Goal } from './comparison.ts';

describe('a line of the table of goals', () => {
  const cases: readonly (readonly [whole: number, goal: Goal, text: string])[] = [
    [0.61, { atLeast: 0.6 }, 'nginx: 100; goal at least 0.6 x: met'],
    [0.59, { atLeast: 0.6 }, 'nginx: 100; goal at least 0.6 x: **missed**'],
    [1.15, { atMost: 1.15 }, 'nginx: 100; goal at most 1.15 x: met'],
    [1.2, { atMost: 1.15 }, 'nginx: 100; goal at most 1.15 x: **missed**'],
    [Number.NaN, { atMost: 1.15 }, 'nginx: 100; goal at most 1.15 x: **missed**'],
  ];
  test.each(cases)('%d x for %j', (whole, goal, reference) => {
    const ratio = { whole, lowest: whole - 0.01, highest: whole + 0.01 };
    expect(compared({ what: 'speed', measured: '61', reference: 'nginx: 100', ratio, goal }).reference).toBe(reference);
  });

  test('says the ratio and how far the turns were apart', () => {
    const ratio = { whole: 0.7, lowest: 0.55, highest: 0.8 };
    const line = compared({ what: 'speed', measured: '70 /s', reference: 'nginx', ratio, goal: { atLeast: 0.6 } });
    expect(line.measured).toBe('70 /s: **0.70 x** (0.55 to 0.80)');
  });
});
