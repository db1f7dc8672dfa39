import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { box, makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { SourceServer } from '../testing/source-server.ts';

let edge: TestEdge;
beforeEach(async () => {
  edge = await TestEdge.open();
  edge.source.fragmented = true;
});
afterEach(() => edge.close());

/** Of a sample entry of Common Encryption (ISO/IEC 23001-7). */
const SINF = box(
  'sinf',
  box('frma', Buffer.from('mp4v')),
  box('schm', Buffer.alloc(4), Buffer.from('cenc'), Buffer.from([0, 1, 0, 0])),
);

const mapsOf = (text: string): (string | null)[] => parseMediaPlaylist(text).entries.map(({ mapUri }) => mapUri);

describe('a channel whose source has fragmented MP4', () => {
  test('is probed, and may play in all modes', async () => {
    await edge.probed();
    expect(edge.report.facts).toMatchObject({
      container: 'fmp4',
      videoCodec: 'avc1.64001f',
      audioCodec: 'mp4a.40.2',
      width: 1280,
      height: 720,
      frameRateMilli: 25_000,
      startsWithKeyframe: true,
    });
    expect(edge.report.directObstacle).toBeNull();
    expect(edge.report.transcodeObstacle).toBeNull();
  });

  test.each([
    ['HEVC', { video: ['hvc1', box('hvcC', Buffer.alloc(23, 1))] as const }, 'VideoCodec'],
    ['audio that is not AAC', { audio: ['Opus', box('dOps')] as const }, 'AudioCodec'],
    ['a section that names an encryption', { video: ['encv', SINF] as const }, 'Encrypted'],
  ])('is played in Direct and Proxy at most where it has %s', async (_what, init, reason) => {
    edge.source.init = makeInit(init);
    await edge.probed();
    expect(edge.report.transcodeObstacle).toMatchObject({
      reason,
      message: expect.stringMatching(/^The source('s segments are| has)/),
    });
    edge.media.apply(testRoute(edge.source.url, { mode: 'Transcode' }));
    await edge.playlist();
    expect(edge.report).toMatchObject({ activeMode: 'Proxy', health: { state: 'healthy' } });
  });

  test('is described by its section where its segments alone are encrypted', async () => {
    edge.source.init = makeInit({ video: ['encv', SINF] });
    edge.source.tagsOf = () => ['#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="skd://1",KEYFORMAT="com.apple"'];
    await edge.probed();
    expect(edge.report.facts).toMatchObject({
      videoCodec: 'mp4v',
      audioCodec: 'mp4a.40.2',
      height: 720,
      encryption: 'cenc',
    });
    expect(edge.report.transcodeObstacle?.message).toContain('SAMPLE-AES-CTR');
  });

  test('is played in Direct and Proxy at most where its segments do not start on a keyframe', async () => {
    edge.source.bytesOf = (msn) => makeFragment({ startSeconds: 100 + 2 * msn, durationSeconds: 2, keyframe: false });
    await edge.probed();
    expect(edge.report.transcodeObstacle?.reason).toBe('NoKeyframeAtStart');
  });

  test("names the source's own section and segments in Direct", async () => {
    await edge.probed();
    edge.media.setLocalViewers(testRoute('').uid, 1);
    const text = await edge.playlist('360p');
    const folder = edge.source.url.replace('index.m3u8', '');
    expect(new Set(mapsOf(text))).toEqual(new Set([`${folder}init.mp4`]));
    expect(urisOf(text).every((uri) => uri.startsWith(folder) && uri.endsWith('.m4s'))).toBe(true);
    expect(edge.source.requests.filter((path) => !path.endsWith('.m3u8'))).toEqual([]);
  });

  test('stores section and segments in Proxy, each fetched once, and the section before what needs it', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    for (let step = 0; step < 10; step += 1) {
      const text = await edge.playlist('360p');
      const stored = await edge.files();
      for (const name of [...urisOf(text), ...mapsOf(text)]) expect(stored).toContain(name?.slice(2));
      await edge.clock.advance(2_000);
    }
    expect(edge.source.requests.filter((path) => path.endsWith('init.mp4'))).toHaveLength(1);
    expect([...edge.source.segmentRequests().values()].every((count) => count === 1)).toBe(true);
    const [map] = mapsOf(await edge.playlist());
    expect(map).toMatch(/^s\/11112222\.1\/source\/[0-9a-f]{16}\.mp4$/);
    expect(urisOf(await edge.playlist())[0]).toMatch(/^s\/11112222\.1\/source\/\d+\.0\.m4s$/);
  });

  test('keeps a section while anything listed needs it, also after a restart, and removes it a window later', async () => {
    await edge.probed({ mode: 'Proxy' });
    const [first] = mapsOf(await edge.playlist());
    for (let step = 0; step < 16; step += 1) await edge.clock.advance(2_000);
    expect(await edge.files()).toContain(first?.slice(2));
    await edge.restart(2_000);
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    expect(mapsOf(await edge.playlist())[0]).toBe(first);
    // Another encoder under the same name: other bytes, so another name of ours.
    edge.source.init = makeInit({ width: 640, height: 360 });
    edge.source.restart(0, 'b');
    for (let step = 0; step < 4; step += 1) await edge.clock.advance(2_000);
    const maps = mapsOf(await edge.playlist());
    expect(maps.at(-1)).not.toBe(first);
    expect(parseMediaPlaylist(await edge.playlist()).entries.filter(({ discontinuity }) => discontinuity)).toHaveLength(
      1,
    );
    expect(await edge.files()).toContain(first?.slice(2));
    for (let step = 0; step < 30; step += 1) await edge.clock.advance(2_000);
    const stored = await edge.files();
    expect(stored).not.toContain(first?.slice(2));
    expect(stored).toContain(maps.at(-1)?.slice(2));
  });

  test('is played on in Proxy where another section says that the film is encrypted now', async () => {
    await edge.probed({ mode: 'Proxy' });
    await edge.playlist();
    expect(edge.report.transcodeObstacle).toBeNull();
    edge.source.init = makeInit({ video: ['encv', SINF] });
    edge.source.restart(0, 'b');
    for (let step = 0; step < 12; step += 1) await edge.clock.advance(2_000);
    expect(edge.report).toMatchObject({ transcodeObstacle: { reason: 'Encrypted' }, health: { state: 'healthy' } });
    expect(edge.report.facts?.encryption).toBe('cenc');
    expect(parseMediaPlaylist(await edge.playlist()).entries.some(({ gap }) => gap)).toBe(false);
  });

  test('goes on with gaps where the section cannot be used, and says so', async () => {
    await edge.probed({ mode: 'Proxy' });
    await edge.playlist();
    edge.source.init = makeInit({ video: ['encv', box('sinf')] });
    edge.source.restart(0, 'b');
    for (let step = 0; step < 12; step += 1) await edge.clock.advance(2_000);
    expect(edge.report.health).toMatchObject({ state: 'degraded', reason: 'SegmentBroken' });
    expect(edge.report.health.message).toContain('encrypted');
    // Gaps come late, so a viewer waits as long as one may, and gets what there is.
    const answer = edge.media.media('default/film', 'source', AbortSignal.timeout(60_000));
    await edge.clock.advance(10_000);
    expect((await answer).text).toContain('#EXT-X-GAP');
  });

  test('asks the operator for help where the source changes its container, and goes on when it is back', async () => {
    await edge.probed({ mode: 'Proxy' });
    await edge.playlist();
    edge.source.fragmented = false;
    for (let step = 0; step < 3; step += 1) await edge.clock.advance(2_000);
    expect(edge.report.health).toMatchObject({ state: 'down', reason: 'SourceUnsupported' });
    expect(edge.report.health.message).toMatch(/changed from fragmented MP4 to MPEG-TS.*delete the Channel/);
    edge.source.fragmented = true;
    for (let step = 0; step < 5; step += 1) await edge.clock.advance(2_000);
    expect(edge.report.health.state).toBe('healthy');
  });

  test('begins its playlist anew where the Channel names a source in another container', async () => {
    const other = new SourceServer({ now: edge.clock.now });
    await other.listen();
    try {
      await edge.probed({ mode: 'Proxy' });
      const before = parseMediaPlaylist(await edge.playlist());
      const uri = other.url;
      edge.media.apply(testRoute(uri, { mode: 'Proxy', source: { uri, headers: {}, facts: edge.report.facts } }));
      for (let step = 0; step < 4; step += 1) await edge.clock.advance(2_000);
      const after = parseMediaPlaylist(await edge.playlist());
      expect(edge.report.facts?.container).toBe('mpegts');
      expect(after.entries.every(({ mapUri, uri: name }) => mapUri === null && name.endsWith('.ts'))).toBe(true);
      expect(after.mediaSequence).toBeGreaterThanOrEqual(before.mediaSequence + before.entries.length);
      expect(after.discontinuitySequence).toBeGreaterThanOrEqual(before.discontinuitySequence);
    } finally {
      await other.close();
    }
  });
});
