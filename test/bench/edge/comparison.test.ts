import { describe, expect, test } from '@jest/globals';
import { compared, type Goal } from './comparison.ts';

describe('a line of the table of goals', () => {
  const cases: readonly (readonly [whole: number, goal: Goal | null, text: string | undefined])[] = [
    [0.61, { atLeast: 0.6 }, 'at least 0.6, met'],
    [0.59, { atLeast: 0.6 }, 'at least 0.6, **missed**'],
    [1.15, { atMost: 1.15 }, 'at most 1.15, met'],
    [1.2, { atMost: 1.15 }, 'at most 1.15, **missed**'],
    [Number.NaN, { atMost: 1.15 }, 'at most 1.15, **missed**'],
    [0.5, null, undefined],
  ];
  test.each(cases)('%d x for %j', (whole, goal, text) => {
    const ratio = { whole, lowest: whole - 0.01, highest: whole + 0.01 };
    expect(compared({ what: 'speed', measured: '61', reference: 'nginx: 100', ratio, goal }).goal).toBe(text);
  });

  test('says the ratio and how far the turns were apart', () => {
    const ratio = { whole: 0.7, lowest: 0.55, highest: 0.8 };
    const line = compared({ what: 'speed', measured: '70 /s', reference: 'nginx', ratio, goal: { atLeast: 0.6 } });
    expect(line).toMatchObject({ measured: '70 /s', reference: 'nginx', ratio: '0.70 x (0.55 to 0.80)' });
  });
});
