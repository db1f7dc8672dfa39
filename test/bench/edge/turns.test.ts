import { describe, expect, test } from '@jest/globals';
import { inTurns, medianOf, ratioOf, ratioOfMedians } from './turns.ts';

describe('a measurement in turns', () => {
  test('goes subject, reference, reference, subject', async () => {
    const order: string[] = [];
    const measure = (name: string) => async () => order.push(name);
    const turns = await inTurns(measure('edge'), measure('nginx'));
    expect(order).toEqual(['edge', 'nginx', 'nginx', 'edge']);
    expect(turns).toEqual({ subject: [1, 4], reference: [2, 3] });
  });

  test('goes so as many rounds as are asked for', async () => {
    const order: string[] = [];
    const measure = (name: string) => async () => void order.push(name);
    await inTurns(measure('e'), measure('n'), 3);
    expect(order.join('')).toBe('enneenneenne');
  });

  test('is not moved by a machine that gets slower steadily', async () => {
    let slowness = 1;
    const measure = (work: number) => async () => {
      slowness += 0.5;
      return { answers: 100, seconds: work * slowness };
    };
    const { whole, lowest, highest } = ratioOf(await inTurns(measure(2), measure(1)), (turn) => [
      turn.answers,
      turn.seconds,
    ]);
    expect(whole).toBeCloseTo(0.5);
    expect([lowest < 0.5, highest > 0.5]).toEqual([true, true]);
  });
});

describe('a comparison by medians', () => {
  test('is not moved by one turn in which the machine did something else', () => {
    const turns = { subject: [100, 1, 90, 95], reference: [100, 100, 95, 90] };
    const { whole, lowest, highest } = ratioOfMedians(turns);
    expect(whole).toBeCloseTo(92.5 / 97.5);
    expect([lowest, highest]).toEqual([0.01, 95 / 90]);
  });

  const cases: readonly (readonly [values: readonly number[], median: number])[] = [
    [[], Number.NaN],
    [[3], 3],
    [[9, 1], 5],
    [[9, 1, 2], 2],
  ];
  test.each(cases)('the median of %j is %d', (values, median) => {
    expect(medianOf(values)).toBe(median);
  });
});
