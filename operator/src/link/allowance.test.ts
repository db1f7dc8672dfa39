import { expect, test } from '@jest/globals';
import { Allowance } from './allowance.ts';

const MEGABYTE = 1024 * 1024;

test('an edge may say at once what a large edge has to say, and on and on what happens at one', () => {
  let now = 0;
  const allowance = new Allowance(() => now);
  for (let frame = 0; frame < 6; frame += 1) expect(allowance.take(4 * MEGABYTE)).toBe(true);
  expect(allowance.take(1)).toBe(false);
  for (let second = 1; second < 60; second += 1) {
    now = second * 1_000;
    expect(allowance.take(3 * MEGABYTE)).toBe(true);
  }
});

test('an edge that talks without end is listened to for four megabytes a second', () => {
  let now = 0;
  let heard = 0;
  const allowance = new Allowance(() => now);
  for (; now < 600_000; now += 1_000) {
    // Until it is told to wait, a second each time.
    do heard += MEGABYTE;
    while (allowance.take(MEGABYTE));
  }
  expect(heard / MEGABYTE).toBeLessThan(24 + 600 * 4 + 600);
});
