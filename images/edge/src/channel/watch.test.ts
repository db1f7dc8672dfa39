import { expect, test } from '@jest/globals';
import type { SourceFollower } from '../source/follower.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { watchSource } from './watch.ts';

test('a source is looked at once in a while, also where what was found could not be taken', async () => {
  const clock = new VirtualClock(0, () => new Promise((resolve) => setImmediate(resolve)));
  let looks = 0;
  const follower: SourceFollower = {
    look: async () => {
      looks += 1;
      return { playlist: null, choice: null, allowOrigin: null };
    },
  };
  const failures: string[] = [];
  const stop = watchSource(
    follower,
    { clock, rhythmAt: null, targetDurationSeconds: () => null },
    {
      onLook: () => {
        throw new Error('broken');
      },
      onFailure: ({ message }) => failures.push(message),
    },
  );
  // Half of the target duration that is assumed lies between two looks.
  await clock.advance(20_000);
  expect([looks, failures.length, clock.size]).toEqual([11, 11, 1]);
  stop();
  expect(clock.size).toBe(0);
  await clock.advance(20_000);
  expect(looks).toBe(11);
});
