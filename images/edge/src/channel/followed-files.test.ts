import { expect, test } from '@jest/globals';
import { emptyLog, longerLog } from '../testing/log.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { FollowedFiles } from './followed-files.ts';
import type { SegmentCache } from './segment-cache.ts';

test('what an edge has written itself stays dear until its viewers have asked again, and nothing is fetched for it', async () => {
  const clock = new VirtualClock(0, async () => {});
  const ranked: (readonly string[])[] = [];
  const fetched: string[] = [];
  const cache: Pick<SegmentCache, 'listed' | 'prefetch' | 'unwatched'> = {
    listed: (_log, rungs) => void ranked.push(rungs),
    prefetch: (names) => void fetched.push(...names),
    unwatched: () => {},
  };
  const files = new FollowedFiles({ clock, cache: cache as SegmentCache, sources: () => [] });
  const log = { ...longerLog(emptyLog(), 's/u.1/source/1.0.ts'), rungs: ['source', '360p'] };
  files.taken(log);
  files.listed(log, null);
  expect(ranked).toEqual([log.rungs, log.rungs]);
  expect(fetched).toEqual([]);
  await clock.advance(9_000);
  files.asked('source');
  files.listed(log, null);
  await clock.advance(1_000);
  files.listed(log, null);
  expect(ranked.slice(2)).toEqual([log.rungs, ['source']]);
  expect(new Set(fetched)).toEqual(new Set(['s/u.1/source/1.0.ts']));
  files.taken(log);
  files.unwatched();
  files.listed(log, null);
  expect(ranked.at(-1)).toEqual(['source']);
});
