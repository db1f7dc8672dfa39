import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';

let edge: TestEdge;
beforeEach(async () => {
  edge = await TestEdge.open();
});
afterEach(() => edge.close());

const MODES = ['Direct', 'Proxy'] as const;
/** Segments of 2 s that a test lets pass: a window. */
const LOOKS = 12;

async function plays(mode: (typeof MODES)[number], looks = LOOKS): Promise<readonly PlaylistEntry[]> {
  await edge.probed();
  edge.media.setLocalViewers(testRoute('').uid, 1);
  edge.media.apply(testRoute(edge.source.url, { mode }));
  await edge.playlist();
  for (let look = 0; look < looks; look += 1) await edge.clock.advance(2_000);
  return parseMediaPlaylist(await edge.playlist('360p')).entries;
}

/** Number of an entry at the source, which is ours as long as the source does not restart. */
const at = (entries: readonly PlaylistEntry[], every: number) => entries.filter(({ msn }) => msn % every === 0);
const others = (entries: readonly PlaylistEntry[], every: number) => entries.filter(({ msn }) => msn % every !== 0);

describe.each(MODES)('in %s, a source', (mode) => {
  test('that says where it has gaps is not asked for them, and viewers are told at once', async () => {
    edge.source.tagsOf = (msn) => (msn % 4 === 0 ? ['#EXT-X-GAP'] : []);
    const entries = await plays(mode);
    expect(at(entries, 4).length).toBeGreaterThan(1);
    expect(at(entries, 4).every(({ gap }) => gap)).toBe(true);
    expect(others(entries, 4).some(({ gap }) => gap)).toBe(false);
    expect(edge.report.health.state).toBe('healthy');
    const asked = edge.source.requests.flatMap((path) => /a(\d+)\.ts$/.exec(path)?.[1] ?? []).map(Number);
    expect(asked.filter((msn) => msn % 4 === 0)).toEqual([]);
  });

  test("has its keys passed on, with the initialization vector that the source's numbers make", async () => {
    edge.source.tagsOf = () => ['#EXT-X-KEY:METHOD=AES-128,URI="key"'];
    edge.source.bytesOf = () => Buffer.alloc(3_200, 0xa5);
    const entries = await plays(mode);
    const key = edge.source.url.replace('index.m3u8', 'key');
    for (const { msn, keys, uri } of entries) {
      expect(keys).toEqual([`#EXT-X-KEY:METHOD=AES-128,URI="${key}",IV=0x${msn.toString(16).padStart(32, '0')}`]);
      expect(uri.startsWith('s/')).toBe(mode === 'Proxy');
    }
    expect(edge.source.requests.some((path) => path.endsWith('/key'))).toBe(false);
    expect(edge.report.transcodeObstacle).toMatchObject({ reason: 'Encrypted', message: /AES-128/ });
    expect(edge.report.health.state).toBe('healthy');
  });

  test('that names parts of files: viewers of Direct get the same parts, others files of their own', async () => {
    const { length } = makeSegment({ startSeconds: 100, durationSeconds: 2 });
    edge.source.tagsOf = () => [`#EXT-X-BYTERANGE:${length}@0`];
    const entries = await plays(mode);
    expect(edge.report).toMatchObject({ directObstacle: null, transcodeObstacle: null });
    expect(new Set(entries.map(({ byteRange }) => byteRange))).toEqual(
      new Set([mode === 'Direct' ? `${length}@0` : null]),
    );
    expect(entries.some(({ gap }) => gap)).toBe(false);
  });

  test('has its ad markers passed on at the segments that have them', async () => {
    const dateRange = '#EXT-X-DATERANGE:ID="ad",START-DATE="2026-01-01T00:00:00Z",SCTE35-OUT=0xFC30';
    edge.source.tagsOf = (msn) => (msn % 5 === 0 ? [`#EXT-X-CUE-OUT:${msn}`] : msn === 15 - 1 ? [dateRange] : []);
    const entries = await plays(mode);
    for (const { msn, markers } of at(entries, 5)) expect(markers).toEqual([`#EXT-X-CUE-OUT:${msn}`]);
    expect(others(entries, 5).flatMap(({ markers }) => markers)).toEqual([dateRange]);
  });
});

test('a source whose key viewers must not be told of is not published, for a reason that says what helps', async () => {
  edge.source.tagsOf = () => ['#EXT-X-KEY:METHOD=AES-128,URI="key?token=abcdef"'];
  edge.source.bytesOf = () => Buffer.alloc(3_200, 0xa5);
  await edge.probed({ mode: 'Proxy' });
  const answer = edge.media.media('default/film', 'source', AbortSignal.timeout(60_000));
  answer.catch(() => undefined);
  await edge.clock.advance(10_000);
  await expect(answer).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  expect(edge.report.health).toMatchObject({ state: 'down', reason: 'SourceUnsupported' });
  expect(edge.report.health.message).toContain('exposeSource');
  expect(edge.report.health.message).not.toContain('abcdef');
});
