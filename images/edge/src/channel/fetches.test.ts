import { describe, expect, test } from '@jest/globals';
import type { OwnerAddress } from '../replication/owner-link.ts';
import type { SegmentClient } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { Fetches, FetchTurns } from './fetches.ts';

const DEAD: OwnerAddress = { podUid: 'dead', address: '10.0.0.1:1' };

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
  const fetches = new Fetches({ ...context, makeRoom: async () => {}, onFetched: () => {} });
  const get = (from: OwnerAddress, count: number): Promise<PromiseSettledResult<void>[]> =>
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
});
