import { expect, jest, test } from '@jest/globals';
import { systemClock } from './clock.ts';

test('the clock goes on steadily when the time of the machine is set', () => {
  const before = systemClock.now();
  expect(Math.abs(before - Date.now())).toBeLessThan(60_000);
  const step = jest.spyOn(Date, 'now').mockReturnValue(before + 3_600_000);
  try {
    const after = systemClock.now();
    expect(after).toBeGreaterThanOrEqual(before);
    expect(after - before).toBeLessThan(60_000);
  } finally {
    step.mockRestore();
  }
});
