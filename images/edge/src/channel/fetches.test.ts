import { describe, expect, test } from '@jest/globals';
import type { OwnerAddress } from '../replication/owner-link.ts';
import type { SegmentClient } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { Fetches, FetchTurns } from './fetches.ts';

const DEAD: OwnerAddress = { podUid: 'dead', address: '10.0.0.1:1' };
const ALIVE: OwnerAddress = { podUid: 'alive', address: '10.0.0.2:1' };

/** Fetches of one channel; `asked` is what has been asked for so far, and is answered by no edge until it is aborted. */
function stage(turns: FetchTurns) {
  const asked: string[] = [];
  const client: SegmentClient = {
    read: (_from, _uid, name, signal) => {
      asked.push(name);
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    close: async () => {},
  };
  const files: Partial<ChannelFiles> = { has: () => false };
  const context = { uid: 'film', client, turns, files: files as ChannelFiles };
  const fetches = new Fetches({ ...context, onFetched: () => {} });
  const get = (from: OwnerAddress, count: number): Promise<PromiseSettledResult<Uint8Array | null>[]> =>
    Promise.allSettled(Array.from({ length: count }, (_, number) => fetches.get(`s/${from.podUid}/${number}`, [from])));
  return { asked, fetches, get };
}

describe('the turns of fetches', () => {
  test('are waited for no longer than until the channel of the fetch is closed', async () => {
    const turns = new FetchTurns();
    const [one, two] = [stage(turns), stage(turns)];
    const running = one.get(DEAD, 100);
    const waiting = two.get(DEAD, 3);
    await two.fetches.close();
    for (const settled of await waiting) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'OWNER_UNREACHABLE', status: 503 } });
    }
    expect(two.asked).toEqual([]);
    await one.fetches.close();
    await running;
    expect(one.asked.length).toBeLessThan(100);
  });

  test('are never all held, nor all waited for, by fetches from one edge', async () => {
    const turns = new FetchTurns();
    const [one, two] = [stage(turns), stage(turns)];
    const dead = one.get(DEAD, 1_200);
    const alive = two.get(ALIVE, 20);
    expect([one.asked.length, two.asked.length]).toEqual([16, 16]);
    await two.fetches.close();
    const codes = async (all: typeof dead) =>
      (await all).map((settled) => settled.status === 'rejected' && settled.reason.code);
    expect(await codes(alive)).not.toContain('EDGE_BUSY');
    await one.fetches.close();
    expect((await codes(dead)).filter((code) => code === 'EDGE_BUSY')).toHaveLength(1_200 - 516);
  });

  test('pass over those who wait for an edge that holds its part, and go on with them as it lets go', async () => {
    const turns = new FetchTurns();
    const { signal } = new AbortController();
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const run = (sender: string, name: string): Promise<void> =>
      turns.run(sender, signal, () => {
        begun.push(name);
        return new Promise((resolve) => ends.push(resolve));
      });
    const all = Array.from({ length: 40 }, (_, number) => run(number < 20 ? 'dead' : 'alive', String(number)));
    expect(begun).toHaveLength(32);
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      end();
      await new Promise(setImmediate);
    }
    await Promise.all(all);
    expect(begun.slice(32)).toEqual(['36', '37', '38', '39', '16', '17', '18', '19']);
  });
});
