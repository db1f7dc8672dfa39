import { describe, expect, test } from '@jest/globals';
import { inTurns, ratioOf } from './turns.ts';

describe('a measurement in turns', () => {
  test('goes subject, reference, reference, subject', async () => {
    const order: string[] = [];
    const measure = (name: string) => async () => order.push(name);
    const turns = await inTurns(measure('edge'), measure('nginx'));
    expect(order).toEqual(['edge', 'nginx', 'nginx', 'edge']);
    expect(turns).toEqual({ subject: [1, 4], reference: [2, 3] });
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
