import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from '@jest/globals';
import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { sourcePlaylist, sourceSegment } from '../source/playlist.testing.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { makeSegment } from '../testing/segment.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { entryBytes, type TimelineEntry } from '../timeline/log.ts';
import { entryOf, tooLongFor } from './entry.ts';
import type { PendingSegment } from './pending.ts';
import { Publisher } from './publisher.ts';

const SEGMENT = makeSegment({ startSeconds: 0, durationSeconds: 0.4 });

let files: ChannelFiles;
let troubles: (SluiceError | null)[];
/** Ends the removal of a sleeping channel's files. */
let release: () => void;
const clock = new VirtualClock(1_000_000, async () => {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
});

beforeEach(() => {
  troubles = [];
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const content = new Map<string, Uint8Array>();
  files = {
    write: async (name, bytes) => void content.set(name, bytes),
    read: async (name) => content.get(name) ?? Promise.reject(new Error(`no ${name}`)),
    has: (name) => content.has(name),
    find: () => null,
    names: () => [...content.keys()],
    rank: () => {},
    remove: async (name) => void content.delete(name),
    clear: () => released.then(() => content.clear()),
    bytes: () => 0,
  };
});

function playlist(firstMsn: number): SourcePlaylist {
  const msns = Array.from({ length: 4 }, (_, index) => firstMsn + index);
  return sourcePlaylist(msns.map((msn) => sourceSegment({ msn, uri: `http://source/${msn}.ts` })));
}

function openPublisher(): Publisher {
  const answer = {
    status: 200,
    url: '',
    contentLength: null,
    etag: null,
    lastModified: null,
    allowOrigin: null,
  } as const;
  return new Publisher(
    {
      clock,
      client: { read: async () => ({ ...answer, bytes: SEGMENT }), close: async () => undefined },
      files,
      view: () => ({
        uid: '11112222-3333',
        headers: { origin: '', values: {} },
        mode: 'Proxy',
        rungs: ['source'],
        resume: null,
        session: null,
        lagMs: () => 0,
      }),
      save: async () => undefined,
      changed: () => undefined,
      trouble: (error) => void troubles.push(error),
      published: () => undefined,
    },
    null,
  );
}

test('a channel that wakes while its files are being removed lists only what stays stored', async () => {
  const publisher = openPublisher();
  const look = async (firstMsn: number): Promise<void> => {
    const taken = playlist(firstMsn);
    publisher.take({ kind: 'continue', segments: taken.segments }, taken, clock.now(), null);
    await clock.advance(10);
  };
  await look(0);
  expect(publisher.log?.entries).toHaveLength(4);
  publisher.sleep();
  const forgotten = publisher.forget();
  await look(10);
  expect(publisher.log?.entries).toHaveLength(0);
  release();
  await forgotten;
  await clock.advance(10);
  const listed = publisher.log?.entries.map((entry) => entry.names.source ?? '') ?? [];
  expect(listed).toHaveLength(4);
  for (const name of listed) expect(await files.read(name)).toHaveLength(SEGMENT.length);
  publisher.close();
  await publisher.idle();
});

test('a segment with more keys and URLs than edges may send to each other is a gap, and its channel says why', async () => {
  const publisher = openPublisher();
  const tag = `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:${'a'.repeat(9_000)}"`;
  const keys = Array.from({ length: 8 }, () => ({ method: 'SAMPLE-AES', uri: 'data:', tag }));
  const segments = [0, 1, 2, 3].map((msn) =>
    sourceSegment({ msn, uri: `http://source/${msn}.ts`, ...(msn === 2 ? { keys: [...keys, ...keys, ...keys] } : {}) }),
  );
  publisher.take({ kind: 'continue', segments }, sourcePlaylist(segments), clock.now(), null);
  await clock.advance(10);
  expect(publisher.log?.entries.map(({ gap }) => gap)).toEqual([false, false, true, false]);
  expect(troubles.filter((error) => error !== null)).toMatchObject([{ code: 'PLAYLIST_INVALID', message: /shorten/ }]);
  expect(entryBytes(publisher.log?.entries[2] as TimelineEntry)).toBeLessThan(1_000);
  publisher.close();
  await publisher.idle();
});

test('ad markers that make a segment longer than edges may send to each other are left out', () => {
  const markers = Array.from({ length: 16 }, () => `#EXT-X-DATERANGE:X="${'\u20ac'.repeat(2_000)}"`);
  const names = { source: `http://source/${'a'.repeat(80_000)}.ts` };
  const source = sourceSegment({ msn: 1, uri: 'http://source/1.ts' });
  const segment = {
    msn: 1,
    epoch: 1,
    durationSeconds: 2,
    source,
    discontinuity: false,
    markers,
    download: { state: 'idle' },
  };
  const listed = (given: readonly string[]) =>
    entryOf({ ...(segment as unknown as PendingSegment), markers: given }, { names, map: null });
  expect(listed(markers).markers).toBeUndefined();
  expect(listed(markers.slice(0, 2)).markers).toHaveLength(2);
  expect(tooLongFor(listed(markers))).toBeNull();
});
