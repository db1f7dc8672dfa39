import { expect, test } from '@jest/globals';
import { segmentUnknown } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { emptyLog, longerLog } from '../testing/log.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { listedSeconds, nextMsn } from '../timeline/log.ts';
import { FetchTurns } from './fetches.ts';
import { MissingSegments } from './take-over.ts';

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
  const missing = new MissingSegments({ ...context, clock }, ELSEWHERE, log);
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
  await new MissingSegments({ ...context, clock }, ELSEWHERE, log).fetchAll({ log, known: [] }, 'film');
  expect(asked).toEqual(['s/3', 's/1']);
  expect(most).toBe(1);
});
