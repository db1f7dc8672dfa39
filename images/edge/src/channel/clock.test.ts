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

test('a task that comes much too late lets what has waited be read first', () => {
  jest.useFakeTimers({ doNotFake: ['performance'] });
  const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
  try {
    const ran: string[] = [];
    systemClock.after(100, () => ran.push('late'));
    const cancel = systemClock.after(100, () => ran.push('cancelled'));
    now.mockReturnValue(3_000);
    jest.advanceTimersByTime(100);
    expect(ran).toEqual([]);
    cancel();
    jest.advanceTimersByTime(50);
    expect(ran).toEqual(['late']);
    systemClock.after(100, () => ran.push('in time'));
    now.mockReturnValue(3_400);
    jest.advanceTimersByTime(100);
    expect(ran).toEqual(['late', 'in time']);
  } finally {
    now.mockRestore();
    jest.useRealTimers();
  }
});
