import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../testing/manual-clock.ts';
import { KeyedQueue, type Priority } from './keyed-queue.ts';

function queueWithClock() {
  const clock = new ManualClock();
  return { clock, queue: new KeyedQueue(clock) };
}

/** Takes and ends `count` keys, one after the other. */
async function work(queue: KeyedQueue, count = queue.depth): Promise<readonly (string | null)[]> {
  const keys: (string | null)[] = [];
  for (let index = 0; index < count; index += 1) {
    const key = await queue.take();
    keys.push(key);
    if (key !== null) queue.done(key);
  }
  return keys;
}

describe('priorities of a KeyedQueue', () => {
  test('a key that has changed goes before those that are only looked at again', async () => {
    const { queue } = queueWithClock();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'background');
    queue.add('d');
    expect([queue.depthOf('background'), queue.depthOf('normal')]).toEqual([3, 1]);
    expect(await work(queue)).toEqual(['d', 'a', 'b', 'c']);
  });

  test('a key that waits in the background and changes is taken early, once', async () => {
    const { queue } = queueWithClock();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'background');
    queue.add('c');
    queue.add('c', 'background');
    expect(await work(queue)).toEqual(['c', 'a', 'b']);
  });

  test('the background never starves: one of nine keys is its own, however many others there are', async () => {
    const { queue } = queueWithClock();
    for (let index = 0; index < 3; index += 1) queue.add(`background-${index}`, 'background');
    for (let index = 0; index < 100; index += 1) queue.add(`normal-${index}`);
    const taken = await work(queue, 27);
    expect(taken.flatMap((key, index) => (key?.startsWith('background') ? [index] : []))).toEqual([8, 17, 26]);
  });

  test('a hot key that is added again all the time holds up no other', async () => {
    const { queue } = queueWithClock();
    for (const key of ['hot', 'a', 'b', 'c']) queue.add(key);
    const taken: (string | null)[] = [];
    for (let round = 0; round < 8; round += 1) {
      const key = await queue.take();
      queue.add('hot');
      queue.add('hot');
      queue.done(String(key));
      taken.push(key);
    }
    expect(taken.slice(0, 5)).toEqual(['hot', 'a', 'b', 'c', 'hot']);
  });

  test('a failure is tried again as urgently as it was, and a change meanwhile makes it urgent', async () => {
    const { queue, clock } = queueWithClock();
    queue.add('a', 'background');
    await queue.take();
    queue.retry('a');
    queue.done('a');
    clock.advance(5);
    expect(queue.depthOf('background')).toBe(1);
    await queue.take();
    queue.add('a', 'background');
    queue.add('a');
    queue.done('a');
    expect([queue.depthOf('normal'), queue.depthOf('background')]).toEqual([1, 0]);
  });

  test('of two delayed wishes the earlier time and the higher priority count', () => {
    const { queue, clock } = queueWithClock();
    queue.addAfter('a', 100, 'background');
    queue.addAfter('a', 900, 'normal');
    clock.advance(100);
    expect(queue.depthOf('normal')).toBe(1);
    clock.advance(10_000);
    expect(queue.depth).toBe(1);
  });

  test('no key is lost or doubled, and none waits for more than nine times those before it', async () => {
    const additions = fc.array(
      fc.record({
        key: fc.integer({ min: 0, max: 30 }).map(String),
        priority: fc.constantFrom<Priority[]>('normal', 'background'),
      }),
      { maxLength: 120 },
    );
    await fc.assert(
      fc.asyncProperty(additions, async (added) => {
        const { queue } = queueWithClock();
        for (const { key, priority } of added) queue.add(key, priority);
        const taken = await work(queue);
        expect([...taken].sort()).toEqual([...new Set(added.map(({ key }) => key))].sort());
        const urgent = new Set(added.filter(({ priority }) => priority === 'normal').map(({ key }) => key));
        const background = [...new Set(added.map(({ key }) => key))].filter((key) => !urgent.has(key));
        for (const [index, key] of background.entries()) expect(taken.indexOf(key)).toBeLessThan((index + 1) * 9);
      }),
    );
  });
});
