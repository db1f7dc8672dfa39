import { describe, expect, test } from '@jest/globals';
import { FirstSegments } from './first-segments.ts';

describe('the first segments', () => {
  function started(): { first: FirstSegments; at: (seconds: number) => void } {
    let nowMs = 1_000_000;
    const first = new FirstSegments(() => nowMs);
    return {
      first,
      at(seconds) {
        nowMs = 1_000_000 + seconds * 1000;
      },
    };
  }

  test('are told per rung, each once', () => {
    const { first, at } = started();
    at(2.5);
    expect(first.stored('720p')).toBe(2.5);
    at(4.5);
    expect(first.stored('720p')).toBeNull();
    expect(first.stored('480p')).toBe(4.5);
  });

  test('are complete with the slowest rung, and stay what they were', () => {
    const { first, at } = started();
    at(2);
    first.stored('480p');
    expect(first.seconds(['720p', '480p'])).toBeNull();
    at(3);
    first.stored('720p');
    at(9);
    expect(first.seconds(['720p', '480p'])).toBe(3);
    expect(first.seconds(['480p'])).toBe(3);
  });

  test('do not wait for a rung that is given up', () => {
    const { first, at } = started();
    at(2);
    first.stored('480p');
    expect(first.seconds(['480p'])).toBe(2);
    expect(first.seconds(['720p', '480p'])).toBe(2);
  });

  test('are unknown, not zero, where no rung is left', () => {
    expect(started().first.seconds([])).toBeNull();
  });

  test('take no harm from a clock that is set back', () => {
    const { first, at } = started();
    at(-5);
    expect(first.stored('480p')).toBe(0);
  });
});
