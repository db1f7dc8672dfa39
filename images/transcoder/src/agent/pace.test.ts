import { describe, expect, test } from '@jest/globals';
import { Latency } from './latency.ts';
import { Pace } from './pace.ts';
import { Speed } from './speed.ts';

/**
 * A source of one segment every 2 s; encoding one takes `encodeMs`, and each is complete when the next one's first
 * frame is out. A pipe holds what is fed while the encoder is busy, or does not.
 * @returns when the encoder was found too slow, in ms; null if never
 */
function foundSlow(encodeMs: number, durationMs: number, pipeHoldsSegment = true): number | null {
  const pace = new Pace(2, 2);
  let free = 0;
  let idleFrom = 0;
  let waiting = 0;
  const completions: number[] = [];
  for (let now = 0; now <= durationMs; now += 100) {
    if (now % 2000 === 0) waiting++;
    if (waiting > 0 && now >= idleFrom) {
      waiting--;
      const begins = Math.max(now, free);
      completions.push(begins + 50);
      free = begins + encodeMs;
      idleFrom = pipeHoldsSegment ? now : free - 1000;
      pace.fed(now);
    }
    // The first entry is the first segment's own beginning: nothing completes there.
    while (completions.length > 1 && (completions[1] ?? 0) <= now) {
      completions.shift();
      for (const rung of [0, 1]) pace.completed(rung, now);
    }
    if (now % 1000 === 500 && pace.isTooSlow(now, waiting === 0 && now >= idleFrom)) return now;
  }
  return null;
}

describe('Pace', () => {
  test.each([200, 1000, 1900])('an encoder that takes %d ms for 2 s is never too slow', (encodeMs) => {
    expect(foundSlow(encodeMs, 600_000)).toBeNull();
  });

  test.each([2100, 3000, 8000])('one that takes %d ms is found out within a minute', (encodeMs) => {
    expect(foundSlow(encodeMs, 60_000)).not.toBeNull();
  });

  test('one that is late and holds the feeding up is found out as well', () => {
    expect(foundSlow(8000, 60_000, false)).not.toBeNull();
  });

  test('a start has fifteen seconds, or three target durations', () => {
    for (const [targetDuration, limitMs] of [
      [2, 15_000],
      [10, 30_000],
    ] as const) {
      const pace = new Pace(1, targetDuration);
      for (let i = 0; i < 3; i++) pace.fed(0);
      expect(pace.isTooSlow(0, true)).toBe(false);
      expect(pace.isTooSlow(limitMs, true)).toBe(false);
      expect(pace.isTooSlow(limitMs + 1, true)).toBe(true);
      for (let i = 0; i < 3; i++) pace.completed(0, limitMs + 2);
      expect(pace.isTooSlow(limitMs + 3, true)).toBe(false);
    }
  });

  test('the slowest rung counts', () => {
    const pace = new Pace(2, 2);
    for (let i = 0; i < 3; i++) pace.fed(0);
    for (let i = 0; i < 3; i++) pace.completed(0, 0);
    expect(pace.isTooSlow(0, true)).toBe(false);
    expect(pace.isTooSlow(16_000, true)).toBe(true);
  });

  test('a source that pauses is not the fault of the encoder', () => {
    const pace = new Pace(1, 2);
    pace.fed(0);
    for (let now = 0; now < 100_000; now += 1000) expect(pace.isTooSlow(now, true)).toBe(false);
  });
});

describe('Speed', () => {
  test('is media time over time, told after two seconds, and anew after a restart', () => {
    const speed = new Speed();
    expect(speed.update(0, null)).toBeNull();
    expect(speed.update(1000, 100)).toBeNull();
    expect(speed.update(2000, 102)).toBeNull();
    expect(speed.update(3000, 106)).toBe(3);
    expect(speed.update(4000, 107)).toBe(3);
    expect(speed.update(5000, 3)).toBeNull();
    expect(speed.update(7000, 5)).toBe(1);
  });
});

describe('Latency', () => {
  test('tells the seconds since feeding, and forgets the oldest', () => {
    let now = 0;
    const latency = new Latency(() => now);
    for (let msn = 0; msn < 100; msn++) latency.fed(1, msn);
    now = 2100;
    expect(latency.secondsSinceFed(1, 99)).toBe(2.1);
    expect(latency.secondsSinceFed(1, 0)).toBeNull();
    expect(latency.secondsSinceFed(2, 99)).toBeNull();
  });
});
