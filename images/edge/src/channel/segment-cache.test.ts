import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { testVolume } from '../testing/volume.ts';
import { FetchTurns } from './fetches.ts';
import { SegmentCache } from './segment-cache.ts';

const NAME = 's/film.1/source/7.0.ts';

test('a folder that could not be read is read again for the next file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-cache-'));
  let failures = 1;
  const cache = new SegmentCache({
    clock: new VirtualClock(0, async () => {}),
    uid: 'film',
    openFiles: async () => {
      if (failures === 0) return testVolume().open('default/film', folder);
      failures -= 1;
      throw new Error('EMFILE');
    },
    client: { read: async () => Buffer.alloc(3), close: async () => {} },
    turns: new FetchTurns(),
    onFetched: () => {},
  });
  const from = [{ podUid: 'a', address: '10.0.0.1:1' }];
  await expect(cache.get(NAME, from)).rejects.toThrow('EMFILE');
  await cache.get(NAME, from);
  expect(cache.find(NAME)?.bytes).toBe(3);
  await cache.close(true);
  await rm(folder, { recursive: true });
});
