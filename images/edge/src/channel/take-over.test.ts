import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import { storageFull } from '../storage/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { emptyLog, longerLog } from '../testing/log.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { listedSeconds, nextMsn } from '../timeline/log.ts';
import { FetchTurns } from './fetches.ts';
import { MissingSegments } from './take-over.ts';

/** Neither a source nor a playlist to change. */
const ALONE = {
  rereads: { get: async (name: string) => Promise.reject(segmentUnknown(name)), close: async () => {} },
  noRoom: () => {},
  giveUp: () => {},
  firstListedMsn: () => 0,
};

const ELSEWHERE = [{ podUid: 'a', address: '10.0.0.1:1' }];

test('a new owner asks nobody any more once nothing of the owner before can be wanted', async () => {
  let log = emptyLog();
  while (log.entries.length < 3) log = longerLog(log, `s/${nextMsn(log)}`);
  const clock = new VirtualClock(0, async () => {});
  const asked: string[] = [];
  const client = {
    read: async (_from: unknown, _uid: string, name: string): Promise<never> => {
      asked.push(name);
      throw segmentUnknown(name);
    },
    close: async () => {},
  };
  const files: Partial<ChannelFiles> = { has: () => false };
  const context = { uid: 'film', client, turns: new FetchTurns(), files: files as ChannelFiles, onFetched: () => {} };
  const missing = new MissingSegments({ ...context, ...ALONE, clock }, ELSEWHERE, log);
  const seconds = 2 * (listedSeconds(log) + log.targetDurationSeconds);
  await clock.advance(seconds * 1000 - 1);
  await expect(missing.get('s/1')).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN' });
  await clock.advance(1);
  await expect(missing.get('s/2')).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN' });
  expect(asked).toEqual(['s/1']);
});

test('a new owner fetches what it lacks one after another, the newest first', async () => {
  let log = emptyLog();
  while (log.entries.length < 3) log = longerLog(log, `s/${nextMsn(log)}`);
  const asked: string[] = [];
  let running = 0;
  let most = 0;
  const client = {
    read: async (_from: unknown, _uid: string, name: string): Promise<never> => {
      asked.push(name);
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      throw segmentUnknown(name);
    },
    close: async () => {},
  };
  const files: Partial<ChannelFiles> = { has: (name: string) => name === 's/2' };
  const clock = new VirtualClock(0, async () => {});
  const context = { uid: 'film', client, turns: new FetchTurns(), files: files as ChannelFiles, onFetched: () => {} };
  await new MissingSegments({ ...context, ...ALONE, clock }, ELSEWHERE, log).fetchAll({ log, known: [] }, 'film');
  expect(asked).toEqual(['s/3', 's/1']);
  expect(most).toBe(1);
});

test('a new owner without room keeps what it can, and gives up what else is listed, the oldest', async () => {
  let log = emptyLog();
  while (log.entries.length < 5) log = longerLog(log, `s/${nextMsn(log)}`);
  const stored = new Set<string>();
  const files: Partial<ChannelFiles> = {
    has: (name: string) => stored.has(name),
    write: async (name: string) => {
      if (stored.size === 2) throw storageFull();
      stored.add(name);
    },
  };
  const client = { read: async () => new Uint8Array(8), close: async () => {} };
  const clock = new VirtualClock(0, () => nextTurn());
  const context = { uid: 'film', client, turns: new FetchTurns(), files: files as ChannelFiles, onFetched: () => {} };
  const givenUp: number[] = [];
  let asked = 0;
  const noRoom = (): void => {
    asked += 1;
  };
  const room = { noRoom, giveUp: (msn: number) => void givenUp.push(msn) };
  const missing = new MissingSegments({ ...context, ...ALONE, ...room, clock }, ELSEWHERE, log);
  const all = missing.fetchAll({ log, known: [] }, 'film');
  for (let second = 0; second < 5; second += 1) await clock.advance(1_000);
  await all;
  expect([...stored]).toEqual(['s/5', 's/4']);
  expect(givenUp).toEqual([3]);
  expect(asked).toBeGreaterThan(1);
});

test('a new owner reads from the source what no edge has, and says why of what nobody can be asked for', async () => {
  const log = longerLog(emptyLog(), 's/1');
  const reread: string[] = [];
  const rereads = {
    get: async (name: string) => {
      reread.push(name);
      if (name !== 's/1') throw segmentUnknown(name);
    },
    close: async () => {},
  };
  const clock = new VirtualClock(0, async () => {});
  let failure = segmentUnknown('s/1');
  const client = { read: async () => Promise.reject(failure), close: async () => {} };
  const files: Partial<ChannelFiles> = { has: () => false };
  const context = { uid: 'film', client, turns: new FetchTurns(), files: files as ChannelFiles, onFetched: () => {} };
  const missing = new MissingSegments({ ...context, ...ALONE, rereads, clock }, ELSEWHERE, log);
  expect(await missing.get('s/1')).toBeNull();
  await expect(missing.get('s/2')).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN' });
  failure = segmentUnreachable();
  await expect(missing.get('s/3')).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' });
  expect(reread).toEqual(['s/1', 's/2', 's/3']);
});
