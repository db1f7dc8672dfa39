import { describe, expect, test } from '@jest/globals';
import { Latency } from './latency.ts';
import { Pace } from './pace.ts';
import { Speed } from './speed.ts';

/** Feeds one segment every 2 s; the slowest rung completes one every `periodMs`. @returns when it was too slow */
function firstTooSlow(periodMs: number, durationMs: number): number | null {
  const pace = new Pace(2);
  let completed = 0;
  for (let now = 0; now <= durationMs; now += 1000) {
    if (now % 2000 === 0) pace.fed();
    for (; (completed + 1) * periodMs <= now; completed++) {
      pace.completed(0);
      pace.completed(1);
    }
    if (pace.isTooSlow(now, 0)) return now;
  }
  return null;
}

describe('Pace', () => {
  test('an encoder at the pace of its source is never too slow', () => {
    expect(firstTooSlow(2000, 600_000)).toBeNull();
  });

  test('one that takes a tenth longer is found out, and one that takes twice as long within half a minute', () => {
    expect(firstTooSlow(2200, 120_000)).not.toBeNull();
    expect(firstTooSlow(4000, 30_000)).not.toBeNull();
  });

  test('the slowest rung counts', () => {
    const pace = new Pace(3);
    pace.fed();
    pace.completed(0);
    pace.completed(2);
    expect(pace.behind).toBe(1);
  });

  test('a backlog at the start has fifteen seconds', () => {
    const pace = new Pace(1);
    for (let i = 0; i < 3; i++) pace.fed();
    expect(pace.isTooSlow(0, 9)).toBe(false);
    expect(pace.isTooSlow(15_000, 3)).toBe(false);
    expect(pace.isTooSlow(15_001, 1)).toBe(true);
    pace.completed(0);
    expect(pace.isTooSlow(15_002, 0)).toBe(false);
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
