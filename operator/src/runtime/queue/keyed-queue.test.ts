import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../testing/manual-clock.ts';
import { KeyedQueue } from './keyed-queue.ts';

function queueWithClock() {
  const clock = new ManualClock();
  return { clock, queue: new KeyedQueue(clock) };
}

describe('KeyedQueue', () => {
  test('holds a key once, however often it is added', async () => {
    const { queue } = queueWithClock();
    for (const key of ['a', 'b', 'a']) queue.add(key);
    expect([await queue.take(), await queue.take(), queue.depth]).toEqual(['a', 'b', 0]);
  });

  test('gives a key that is added while it is worked on once more, afterwards', async () => {
    const { queue } = queueWithClock();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    const next = queue.take();
    expect(await settled(next)).toBe('pending');
    queue.done('a');
    expect(await next).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  test('hands a key to the worker that has waited longest', async () => {
    const { queue } = queueWithClock();
    const [first, second] = [queue.take(), queue.take()];
    queue.add('a');
    queue.add('b');
    expect([await first, await second]).toEqual(['a', 'b']);
  });

  test('shows what it holds, and no more than asked for', async () => {
    const { queue, clock } = queueWithClock();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await queue.take();
    queue.retry('d', 3000);
    clock.advance(1000);
    expect(queue.snapshot(1)).toEqual({
      waiting: ['b'],
      working: [{ key: 'a', seconds: 1 }],
      delayed: [{ key: 'd', seconds: 2 }],
      failures: [{ key: 'd', count: 1 }],
    });
  });

  test('of several delayed wishes the earliest counts, and an immediate one meets them all', async () => {
    const { queue, clock } = queueWithClock();
    queue.addAfter('a', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 900);
    clock.advance(199);
    expect(queue.depth).toBe(0);
    clock.advance(1);
    expect(await queue.take()).toBe('a');
    queue.done('a');
    queue.addAfter('b', 100);
    queue.add('b');
    expect(await queue.take()).toBe('b');
    queue.done('b');
    clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  test('sets no timer anew for a delayed wish that is met already', () => {
    const { queue, clock } = queueWithClock();
    queue.addAfter('a', 200);
    clock.advance(150);
    queue.addAfter('a', 500);
    expect(clock.timers).toEqual([200]);
    queue.addAfter('a', 20);
    expect(clock.timers).toEqual([20]);
  });

  test('waits 5 ms after the first failure, twice as long each time, at most 1000 s, and shortly again after forget', () => {
    const { queue } = queueWithClock();
    const waits = Array.from({ length: 20 }, () => queue.retry('a'));
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(1_000_000);
    queue.forget('a');
    expect(queue.retry('a')).toBe(5);
  });

  test('waits after a failure as long as the server asks for', () => {
    const { queue } = queueWithClock();
    expect(queue.retry('a', 3000)).toBe(3000);
  });

  test('a delay longer than a timer can hold does not fire at once', () => {
    const { queue, clock } = queueWithClock();
    queue.addAfter('a', 90 * 86_400_000);
    expect(Math.max(...clock.timers)).toBeLessThanOrEqual(2 ** 31 - 1);
    clock.advance(89 * 86_400_000);
    expect(queue.depth).toBe(0);
    clock.advance(86_400_000);
    expect(queue.depth).toBe(1);
  });

  test('after close it gives nothing, keeps no timer and takes nothing in', async () => {
    const { queue, clock } = queueWithClock();
    const waiting = queue.take();
    queue.addAfter('a', 10);
    queue.close();
    queue.add('b');
    expect([await waiting, await queue.take(), queue.depth, clock.timers.length]).toEqual([null, null, 0, 0]);
  });

  test('behaves as a set of keys whatever happens to it in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 80 }), runAgainstModel));
  });
});

const KEY = fc.constantFrom('a', 'b', 'c');
const STEP = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key: KEY }),
  fc.record({ kind: fc.constant('addAfter' as const), key: KEY, milliseconds: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('done' as const), key: KEY }),
  fc.record({ kind: fc.constant('advance' as const), milliseconds: fc.integer({ min: 1, max: 30 }) }),
);
type Step = typeof STEP extends fc.Arbitrary<infer Value> ? Value : never;

/** The queue in the words of its documentation: what is wanted now, wanted later, worked on. */
interface Model {
  now: number;
  /** In the order in which keys became free to be taken. */
  readonly wanted: string[];
  readonly later: Map<string, number>;
  readonly working: Set<string>;
  readonly again: Set<string>;
}

async function runAgainstModel(steps: readonly Step[]): Promise<void> {
  const { queue, clock } = queueWithClock();
  const model: Model = { now: 0, wanted: [], later: new Map(), working: new Set(), again: new Set() };
  for (const step of steps) {
    if (step.kind === 'add') {
      queue.add(step.key);
      want(model, step.key);
    } else if (step.kind === 'addAfter') {
      queue.addAfter(step.key, step.milliseconds);
      wantLater(model, step.key, step.milliseconds);
    } else if (step.kind === 'advance') {
      clock.advance(step.milliseconds);
      passTime(model, step.milliseconds);
    } else if (step.kind === 'take' && model.wanted.length > 0) {
      const key = await queue.take();
      expect(key).toBe(model.wanted.shift());
      model.working.add(String(key));
    } else if (step.kind === 'done' && model.working.has(step.key)) {
      queue.done(step.key);
      model.working.delete(step.key);
      if (model.again.delete(step.key)) model.wanted.push(step.key);
    }
    expect(queue.depth).toBe(model.wanted.length + model.again.size);
    expect(clock.timers).toHaveLength(model.later.size);
  }
}

function want(model: Model, key: string): void {
  model.later.delete(key);
  if (model.working.has(key)) model.again.add(key);
  else if (!model.wanted.includes(key)) model.wanted.push(key);
}

function wantLater(model: Model, key: string, milliseconds: number): void {
  if (milliseconds === 0) want(model, key);
  else if ((model.later.get(key) ?? Infinity) > model.now + milliseconds) {
    model.later.delete(key);
    model.later.set(key, model.now + milliseconds);
  }
}

function passTime(model: Model, milliseconds: number): void {
  model.now += milliseconds;
  const due = [...model.later].filter(([, at]) => at <= model.now).sort(([, left], [, right]) => left - right);
  for (const [key] of due) want(model, key);
}

/** `pending` if the promise has not been settled when everything that could be done now is done. */
async function settled(promise: Promise<unknown>): Promise<string> {
  const later = new Promise<string>((resolve) => setImmediate(() => resolve('pending')));
  return Promise.race([promise.then(() => 'settled'), later]);
}
