import { describe, expect, test } from '@jest/globals';
import { Patience } from './patience.ts';

describe('how long an owner may be silent', () => {
  test.each([
    ['1.25 s, where its beats come in time', 250, 0, 1_250],
    ['half a second more than it has paused', 900, 0, 1_400],
    ['no longer than three seconds', 2_900, 0, 3_000],
    ['1.25 s, where it was rather the network that was away', 20_000, 0, 1_250],
    ['1.25 s, where its pause is forgotten', 900, 61_000, 1_250],
  ])('is %s', (_what, pauseMs, laterMs, limitMs) => {
    const patience = new Patience();
    patience.heard('a', pauseMs, 1_000);
    expect(patience.limitMs('a', 1_000 + laterMs)).toBe(limitMs);
    expect(patience.limitMs('b', 1_000)).toBe(1_250);
  });

  test('is made of the longest of its pauses', () => {
    const patience = new Patience();
    patience.heard('a', 900, 0);
    patience.heard('a', 600, 1_000);
    expect(patience.limitMs('a', 1_000)).toBe(1_400);
  });

  test('is that of its last minute, whatever came since its longest pause', () => {
    const patience = new Patience();
    patience.heard('a', 2_000, 0);
    patience.heard('a', 1_000, 30_000);
    patience.heard('a', 900, 50_000);
    expect(patience.limitMs('a', 60_000)).toBe(2_500);
    expect(patience.limitMs('a', 61_000)).toBe(1_500);
    patience.heard('b', 900, 95_000);
    expect(patience.limitMs('a', 95_000)).toBe(1_400);
    expect(patience.limitMs('a', 111_000)).toBe(1_250);
  });
});
