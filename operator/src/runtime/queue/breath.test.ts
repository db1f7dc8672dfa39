import { expect, test } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.ts';
import { Breath } from './breath.ts';

test('work pauses for a turn of the event loop once it has held it for 10 ms', async () => {
  const clock = new ManualClock();
  const breath = new Breath(clock);
  let turns = 0;
  setImmediate(() => {
    turns += 1;
  });
  for (let piece = 0; piece < 9; piece += 1) {
    clock.advance(1);
    await breath.take();
  }
  expect(turns).toBe(0);
  clock.advance(1);
  await breath.take();
  expect(turns).toBe(1);
});
