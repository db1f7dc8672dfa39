import { expect, test } from '@jest/globals';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Demand } from './demand.ts';

/** Looks again whenever it is told to; `seen` is what it saw. */
function stage(targetDurationSeconds: number | null) {
  const clock = new VirtualClock(0, async () => {});
  const seen: boolean[] = [];
  const demand: Demand = new Demand({
    clock,
    targetDurationSeconds: () => targetDurationSeconds,
    ended: () => void seen.push(demand.look()),
  });
  return { clock, seen, demand };
}

test('a channel is wanted while viewers are counted', () => {
  const { demand } = stage(2);
  expect(demand.look()).toBe(false);
  demand.setViewers(1);
  expect(demand.look()).toBe(true);
  demand.setViewers(0);
  expect(demand.look()).toBe(false);
});

test.each([
  [2, 10_000],
  [null, 12_000],
  [6, 18_000],
])('a request at a target duration of %s s wants the channel for %s ms', async (targetDurationSeconds, leaseMs) => {
  const { clock, seen, demand } = stage(targetDurationSeconds);
  expect(demand.request()).toBe(false);
  expect(demand.look()).toBe(true);
  await clock.advance(leaseMs - 1);
  expect(seen).toEqual([]);
  await clock.advance(1);
  expect(seen).toEqual([false]);
});

test('a request during a lease says that one ran, and its end is looked at when the first one ends', async () => {
  const { clock, seen, demand } = stage(2);
  demand.request();
  demand.look();
  await clock.advance(6_000);
  expect(demand.request()).toBe(true);
  await clock.advance(4_000);
  expect(seen).toEqual([true]);
  await clock.advance(6_000);
  expect(seen).toEqual([true, false]);
});

test('one that is closed looks at nothing any more', async () => {
  const { clock, seen, demand } = stage(2);
  demand.request();
  demand.look();
  demand.close();
  await clock.advance(60_000);
  expect(seen).toEqual([]);
});
