import { expect, test } from '@jest/globals';
import type { SourceClient } from '../source/client.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { emptyLog, longerLog } from '../testing/log.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Rereads } from './reread.ts';

const NOTHING: SourcePlaylist = {
  kind: 'media',
  targetDurationSeconds: 4,
  segments: [],
  windowSegments: 0,
  ended: false,
  dateRanges: [],
};

test('what is lost is counted once, and what viewers make up is nothing that was lost', async () => {
  const lost: string[] = [];
  const files: Partial<ChannelFiles> = { has: () => false };
  const client: Partial<SourceClient> = {};
  const rereads = new Rereads(
    {
      uid: 'film',
      clock: new VirtualClock(0, async () => {}),
      client: client as SourceClient,
      files: files as ChannelFiles,
      headers: () => ({ origin: '', values: {} }),
      noRoom: () => {},
      done: (result, name) => void lost.push(`${result} ${name}`),
    },
    { log: longerLog(emptyLog(), 's/film.1/source/7.0.ts'), known: [] },
  );
  rereads.looked(NOTHING);
  for (const name of ['s/film.1/source/7.0.ts', 's/film.1/source/7.0.ts', 's/film.1/source/8.0.ts', 's/film.1/x']) {
    await expect(rereads.get(name)).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN' });
  }
  expect(lost).toEqual(['lost s/film.1/source/7.0.ts']);
  await rereads.close();
});
