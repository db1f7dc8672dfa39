import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Host, MOST } from './host.testing.ts';
import type { Turn } from './host-connections.ts';

describe('a channel has one connection to its host', () => {
  test('over which requests go one after the other', async () => {
    const host = new Host();
    const requests = Promise.all([host.request(100), host.request(100), host.request(100)]);
    await host.clock.advance(1_000);
    expect([await requests, host.opened]).toEqual([[100, 200, 300], 1]);
  });

  test('over which playlists go first, and the others in their order', async () => {
    const host = new Host();
    const order: string[] = [];
    const ask = async (name: string, isPlaylist: boolean): Promise<void> => {
      const turn = await host.turn({ isPlaylist });
      order.push(name);
      host.end(turn);
    };
    const first = await host.turn();
    const all = Promise.all([ask('a', false), ask('b', false), ask('p', true), ask('c', false), ask('q', true)]);
    host.end(first);
    await all;
    expect([order, host.opened]).toEqual([['p', 'q', 'a', 'b', 'c'], 1]);
  });

  test('that stays, however long nothing is asked for', async () => {
    const host = new Host();
    await Promise.all([host.request(0), host.clock.advance(3_600_000)]);
    expect([...host.open]).toEqual([1]);
    expect(host.clock.size).toBe(0);
  });

  test('that carries many requests at the same time where it is of HTTP/2', async () => {
    const host = new Host();
    const all = Promise.all([host.request(100), host.request(100), host.request(100)]);
    await host.clock.advance(30);
    host.capacity = 100;
    host.connections.serve();
    await host.clock.advance(1_000);
    expect([await all, host.opened]).toEqual([[100, 130, 130], 1]);
  });
});

describe('what has waited for a quarter of the target duration', () => {
  test.each([
    { targetDurationSeconds: 1, waits: 250 },
    { targetDurationSeconds: 2, waits: 500 },
    { targetDurationSeconds: 6, waits: 1_500 },
    { targetDurationSeconds: 60, waits: 1_500 },
    { targetDurationSeconds: null, waits: 1_000 },
  ])('of $targetDurationSeconds s gets a connection of its own after $waits ms', async ({ waits, ...given }) => {
    const host = Object.assign(new Host(), given);
    await host.turn();
    const look = host.request(0, { isPlaylist: true });
    await host.clock.advance(waits - 1);
    expect(host.opened).toBe(1);
    await host.clock.advance(1);
    expect([await look, host.opened]).toEqual([waits, 2]);
  });

  test('does so whatever goes before it', async () => {
    const host = new Host();
    await host.turn();
    const segment = host.turn();
    await host.clock.advance(499);
    const look = host.request(100, { isPlaylist: true });
    await host.clock.advance(1);
    expect([(await segment).connection, host.opened]).toEqual([2, 2]);
    await host.clock.advance(1_000);
    expect(await look).toBe(1_099);
  });

  test('waits on where there are as many as there may be, and goes on with the first that is free', async () => {
    const host = new Host();
    const stuck = Array.from({ length: MOST }, () => host.turn());
    await host.clock.advance(60_000);
    const more = host.turn();
    await host.clock.advance(60_000);
    expect(host.opened).toBe(MOST);
    host.end(await (stuck[3] as Promise<Turn<number>>));
    expect((await more).connection).toBe(4);
  });
});

describe('a further connection', () => {
  async function withFurther(): Promise<Host> {
    const host = new Host();
    const slow = host.request(700);
    const look = host.request(100, { isPlaylist: true });
    await host.clock.advance(700);
    await Promise.all([slow, look]);
    return host;
  }

  test('is closed when nothing has needed it for two target durations', async () => {
    const host = await withFurther();
    await host.clock.advance(3_899);
    expect([...host.open]).toEqual([1, 2]);
    await host.clock.advance(1);
    expect([[...host.open], host.clock.size]).toEqual([[1], 0]);
  });

  test('is used at once meanwhile, and closed after ten target durations all the same', async () => {
    const host = await withFurther();
    const beganAt = host.clock.now();
    for (let second = 1; second <= 19; second += 1) {
      const both = Promise.all([host.request(50), host.request(50)]);
      await host.clock.advance(1_000);
      expect(await both).toEqual([beganAt + 1_000 * second - 950, beganAt + 1_000 * second - 950]);
    }
    await host.clock.advance(1_000);
    expect([...host.open]).toEqual([1]);
    expect([await Promise.all([host.request(0), host.clock.advance(60_000)]), host.opened]).toEqual([
      expect.anything(),
      2,
    ]);
  });

  test('is closed with the first one, and nothing of it is left', async () => {
    const host = await withFurther();
    host.connections.close();
    expect([host.open.size, host.clock.size]).toEqual([0, 0]);
  });
});

describe('what is due already', () => {
  test.each([
    { distanceMs: 24, opened: 1, over: [24, 48, 72] },
    { distanceMs: 50, opened: 3, over: [50, 50, 50] },
  ])('from a source $distanceMs ms away is read over $opened', async ({ distanceMs, opened, over }) => {
    const host = new Host();
    const look = host.request(distanceMs, { isPlaylist: true });
    await host.clock.advance(1_000);
    await look;
    const due = Promise.all(Array.from({ length: 3 }, () => host.request(distanceMs, { isDue: true })));
    await host.clock.advance(1_000);
    expect([(await due).map((at) => at - 1_000), host.opened]).toEqual([over, opened]);
  });

  test('goes on at once when the host turns out to be far away', async () => {
    const host = new Host();
    const due = [host.turn({ isDue: true }), host.turn({ isDue: true })];
    await due[0];
    expect(host.opened).toBe(1);
    host.connections.answeredIn(80);
    expect((await (due[1] as Promise<Turn<number>>)).connection).toBe(2);
  });
});

test('five renditions of 1 s segments at 200 ms keep the pace, and at 5 ms need one connection', async () => {
  const peaks: number[] = [];
  for (const distanceMs of [200, 5]) {
    const host = Object.assign(new Host(), { targetDurationSeconds: 1 });
    const look = (): Promise<number> => host.request(distanceMs, { isPlaylist: true });
    const rounds: Promise<number>[] = [];
    for (let second = 0; second < 60; second += 1) {
      const beganAt = host.clock.now();
      rounds.push(
        look()
          .then(() => Promise.all([look(), look(), look(), look()]))
          .then(() => Promise.all(Array.from({ length: 5 }, () => host.request(distanceMs))))
          .then((over) => Math.max(...over) - beganAt),
      );
      await host.clock.advance(1_000);
    }
    await host.clock.advance(1_000);
    const longest = Math.max(...(await Promise.all(rounds)));
    // Three answers, one after the other, and the waiting before further connections are there.
    expect(longest).toBeLessThanOrEqual(distanceMs === 200 ? 3 * 200 + 2 * 250 : 50);
    peaks.push(host.peak);
  }
  expect(peaks[0]).toBeLessThanOrEqual(5);
  expect(peaks[1]).toBe(1);
});

test('who does not want to wait any more leaves the others their turn', async () => {
  const host = new Host();
  const first = await host.turn();
  const abort = new AbortController();
  const left = host.turn({ signal: abort.signal, isPlaylist: true });
  const next = host.turn();
  abort.abort(new Error('enough'));
  await expect(left).rejects.toThrow('enough');
  await expect(host.turn({ signal: abort.signal })).rejects.toThrow('enough');
  host.end(first);
  expect([(await next).connection, host.connections.isIdle]).toEqual([1, false]);
  host.end(await next);
  expect([host.connections.isIdle, host.clock.size]).toEqual([true, 0]);
});

test('what waits when all are closed is refused, and opens none afterwards', async () => {
  const host = new Host();
  const first = await host.turn();
  const waiting = host.turn();
  host.connections.close();
  await expect(waiting).rejects.toThrow('closed');
  host.end(first);
  await host.clock.advance(60_000);
  await expect(host.turn()).rejects.toThrow('closed');
  expect([host.opened, host.open.size, host.clock.size]).toEqual([1, 0, 0]);
});

const asked = fc.record({
  atMs: fc.integer({ min: 0, max: 5_000 }),
  ms: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3_000 })),
  isPlaylist: fc.boolean(),
  isDue: fc.boolean(),
  /** Gives up after so long; null: never. */
  patienceMs: fc.option(fc.integer({ min: 0, max: 1_000 })),
});

test('whatever is asked for has its turn within a quarter of the target duration where there is room, alone on its connection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 12 }), async (requests) => {
      const host = new Host();
      const waits: number[] = [];
      let gone = 0;
      for (const { atMs, ms, patienceMs, ...wish } of requests) {
        host.clock.after(atMs, () => {
          const abort = new AbortController();
          const cancel = patienceMs === null ? () => false : host.clock.after(patienceMs, () => abort.abort());
          const isCrowded = (): boolean => host.open.size === MOST;
          host.turn({ ...wish, signal: abort.signal }).then(
            (turn) => {
              cancel();
              if (!isCrowded()) waits.push(host.clock.now() - atMs);
              expect(host.busy.get(turn.connection)).toBe(1);
              host.clock.after(ms, () => {
                host.connections.answeredIn(ms);
                host.end(turn);
                gone += 1;
              });
            },
            () => {
              gone += 1;
            },
          );
        });
      }
      await host.clock.advance(60_000);
      expect([gone, host.connections.isIdle, [...host.open], host.clock.size]).toEqual([
        requests.length,
        true,
        expect.any(Array),
        0,
      ]);
      expect(host.open.size).toBeLessThanOrEqual(1);
      expect(host.peak).toBeLessThanOrEqual(MOST);
      expect(Math.max(0, ...waits)).toBeLessThanOrEqual(500);
    }),
    { numRuns: 60 },
  );
});
