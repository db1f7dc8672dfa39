import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { updateViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { urisOf } from '../testing/edge.ts';
import type { ServedRendition } from '../testing/renditions-server.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { findDesk } from '../work/desk.ts';
import { media, RenditionsStage, TWO, ts } from './renditions-stage.testing.ts';

let stage: RenditionsStage;
beforeEach(async () => {
  stage = await RenditionsStage.open();
});
afterEach(() => stage.close());

describe('a source with several pictures', () => {
  test('is offered with all of them, the highest first, before the ladder', async () => {
    await stage.begin(TWO, { high: ts(), low: ts() });
    expect(stage.edge.report.facts?.renditions).toEqual([
      expect.objectContaining({ name: 'source-360p', height: 360 }),
    ]);
    expect((await stage.multivariant()).split('\n').filter((line) => line.includes('.m3u8'))).toEqual([
      'source.m3u8?session=x',
      'source-360p.m3u8?session=x',
      '360p.m3u8?session=x',
      '240p.m3u8?session=x',
    ]);
    expect(stage.edge.report.health).toMatchObject({ state: 'healthy', reason: 'Delivering' });
  });

  test('names the same numbers of each at the source in Direct', async () => {
    await stage.begin(TWO, { high: ts(), low: ts() });
    stage.edge.media.setLocalViewers(testRoute('').uid, 1);
    const [high, low] = [urisOf(await stage.edge.playlist('source')), urisOf(await stage.edge.playlist('source-360p'))];
    expect(high[0]).toMatch(/\/high\/\d+\.ts$/);
    expect(low).toEqual(high.map((uri) => uri.replace('/high/', '/low/')));
    expect(stage.source.requests.filter((path) => path.endsWith('.ts'))).toEqual([]);
  });

  test('stores each segment of each once in Proxy, before any playlist names it', async () => {
    await stage.begin(TWO, { high: ts(), low: ts() });
    stage.proxy();
    for (let step = 0; step < 6; step += 1) {
      const stored = await Promise.all(['source', 'source-360p', '240p'].map((rung) => stage.edge.playlist(rung)));
      const files = await stage.edge.files();
      for (const name of stored.flatMap(urisOf)) expect(files).toContain(name.slice(2));
      expect(parseMediaPlaylist(stored[0] ?? '').entries.map(({ msn }) => msn)).toEqual(
        parseMediaPlaylist(stored[1] ?? '').entries.map(({ msn }) => msn),
      );
      await stage.edge.clock.advance(2_000);
    }
    expect(urisOf(await stage.edge.playlist('source-360p'))[0]).toMatch(/^s\/11112222\.1\/source-360p\/\d+\.0\.ts$/);
    const segments = stage.source.requests.filter((path) => path.endsWith('.ts'));
    expect(segments.length).toBe(new Set(segments).size);
  });

  test('shows a gap where one of them has nothing, and only there, and goes on when it is back', async () => {
    await stage.begin(TWO, { high: ts(), low: ts() });
    stage.proxy();
    let before = parseMediaPlaylist(await stage.edge.playlist('source-360p'));
    const low = stage.source.renditions.get('low') as ServedRendition;
    for (const lost of [true, false]) {
      low.lost = lost;
      for (let step = 0; step < 5; step += 1) {
        await stage.edge.clock.advance(2_000);
        const playlist = parseMediaPlaylist(await stage.edge.playlist('source-360p'));
        expect(updateViolations(before, playlist)).toEqual([]);
        before = playlist;
      }
      expect(before.entries.at(-1)?.gap).toBe(lost);
    }
    expect((await stage.entriesOf('source')).some(({ gap }) => gap)).toBe(false);
    expect(before.entries.filter(({ gap }) => gap).length).toBeGreaterThan(2);
  });

  test('waits for one that is a little behind, and not for one that has stopped', async () => {
    const low = ts();
    await stage.begin(TWO, { high: ts(), low });
    stage.proxy();
    low.behind = 1;
    await stage.edge.playlist();
    await stage.edge.clock.advance(10_000);
    expect((await stage.entriesOf('source-360p')).some(({ gap }) => gap)).toBe(false);
    low.behind = 9;
    await stage.edge.clock.advance(20_000);
    expect((await stage.entriesOf('source-360p')).at(-1)?.gap).toBe(true);
    expect((await stage.entriesOf('source')).at(-1)?.gap).toBe(false);
  });

  test('takes a segment for none that begins at another time than its number says', async () => {
    const low = ts();
    await stage.begin(TWO, { high: ts(), low });
    stage.proxy();
    await stage.edge.playlist();
    low.shiftSeconds = 1;
    await stage.edge.clock.advance(8_000);
    expect((await stage.entriesOf('source-360p')).at(-1)?.gap).toBe(true);
    expect((await stage.entriesOf('source')).at(-1)?.gap).toBe(false);
  });

  test.each([
    { name: 'begins its segments at other times', change: { shiftSeconds: 0.8 }, why: /begins at another time/ },
    { name: 'cannot be read', change: { lost: true }, why: /404/ },
  ])('leaves one out that $name, and says so', async ({ change, why }) => {
    await stage.begin(TWO, { high: ts(), low: { ...ts(), ...change } });
    expect(stage.edge.report.facts?.leftOut).toMatch(/^the picture 360p: /);
    expect(stage.edge.report.facts?.leftOut).toMatch(why);
    expect(stage.edge.report.health).toMatchObject({ state: 'healthy', reason: 'RenditionsLeftOut' });
    expect(await stage.multivariant()).not.toContain('source-360p');
  });

  test('finds what is of the same time where one numbers its segments in another way', async () => {
    await stage.begin(TWO, { high: ts(), low: { ...ts(), msnOffset: 40 } });
    expect(stage.edge.report.facts?.renditions).toEqual([
      expect.objectContaining({ name: 'source-360p', msnOffset: 40 }),
    ]);
    expect(stage.edge.report.health).toMatchObject({ state: 'healthy', reason: 'Delivering' });
    stage.edge.media.setLocalViewers(testRoute('').uid, 1);
    const numbers = async (rung: string) =>
      urisOf(await stage.edge.playlist(rung)).map((uri) => Number.parseInt(uri.split('/').at(-1) ?? '', 10));
    const [high, low] = [await numbers('source'), await numbers('source-360p')];
    expect(low).toEqual(high.map((msn) => msn + 40));
    stage.proxy();
    await stage.edge.clock.advance(8_000);
    const entries = await stage.entriesOf('source-360p');
    expect(entries.at(-1)?.uri).toMatch(/^s\/11112222\.1\/source-360p\/\d+\.0\.ts$/);
    expect(entries.some(({ gap }) => gap)).toBe(false);
    expect(entries.map(({ msn }) => msn)).toEqual((await stage.entriesOf('source')).map(({ msn }) => msn));
  });

  test('looks again where one begins its numbers anew, and goes on behind some gaps', async () => {
    const low = ts();
    await stage.begin(TWO, { high: ts(), low });
    stage.proxy();
    await stage.edge.playlist();
    low.msnOffset = 1_000;
    await stage.edge.clock.advance(30_000);
    const entries = await stage.entriesOf('source-360p');
    const gaps = entries.filter(({ gap }) => gap).length;
    expect(entries.at(-1)?.gap).toBe(false);
    expect(gaps).toBeGreaterThan(0);
    expect(gaps).toBeLessThan(10);
    expect(stage.edge.report.facts?.renditions?.[0]?.msnOffset).toBe(1_000);
    expect((await stage.entriesOf('source')).some(({ gap }) => gap)).toBe(false);
  });

  test('finds a rendition that the source has got since, when nobody watches any more', async () => {
    await stage.begin(TWO.slice(1), { high: ts(), low: ts() });
    expect(stage.edge.report.facts?.renditions).toBeUndefined();
    stage.proxy();
    await stage.edge.playlist();
    stage.source.lines = TWO;
    await stage.edge.clock.advance(600_000);
    expect(stage.edge.report.facts?.renditions).toBeUndefined();
    stage.edge.media.apply(testRoute(stage.source.url, { mode: 'Idle' }));
    await stage.edge.clock.advance(120_000);
    expect(stage.edge.report.facts?.renditions).toHaveLength(1);
    stage.proxy();
    const [high, low] = [await stage.entriesOf('source'), await stage.entriesOf('source-360p')];
    expect(low.map(({ msn }) => msn)).toEqual(high.map(({ msn }) => msn));
    expect(low.some(({ gap }) => gap)).toBe(false);
  });

  test('goes on with the same renditions after a restart of the edge', async () => {
    await stage.begin(TWO, { high: ts(), low: ts() });
    stage.proxy();
    await stage.edge.playlist();
    const { facts } = stage.edge.report;
    await stage.edge.restart(2_000);
    stage.edge.media.apply(
      testRoute(stage.source.url, { mode: 'Proxy', source: { uri: stage.source.url, headers: {}, facts } }),
    );
    await stage.edge.playlist();
    await stage.edge.clock.advance(4_000);
    const [high, low] = [await stage.entriesOf('source'), await stage.entriesOf('source-360p')];
    expect(low.map(({ msn }) => msn)).toEqual(high.map(({ msn }) => msn));
    expect(low.some(({ gap }) => gap)).toBe(false);
  });
});

test('the pictures and languages of a source stay beside the ladder in Transcode', async () => {
  const lines = [media('AUDIO', 'de'), ...TWO.map((one) => one.replace('\n', ',AUDIO="A"\n'))];
  await stage.begin(lines, { high: ts(), low: ts(), de: ts() });
  const session = { name: 'film-1', uid: 'session', tokenSha256: '0'.repeat(64), rungs: ['360p', '240p'] };
  stage.edge.media.apply(testRoute(stage.source.url, { mode: 'Transcode', session }));
  await stage.edge.playlist();
  let after = -1;
  for (let step = 0; step < 80; step += 1) {
    await stage.edge.clock.advance(200);
    const desk = findDesk(stage.edge.media, 'default', 'film-1');
    const newest = stage.edge.media.ownerOfSession('default', 'film-1')?.publisher.stored().at(-1)?.msn ?? -1;
    if (desk === null || newest <= after) continue;
    desk.called(1);
    const bytes = makeSegment({ startSeconds: 100 + newest * 2, durationSeconds: 2 });
    await stage.edge.during(() => Promise.all(session.rungs.map((rung) => desk.put(1, rung, newest, 1, bytes))));
    after = newest;
  }
  expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
  const rungs = ['360p', 'source', 'source-360p', 'source-audio-1'];
  const newest = await Promise.all(rungs.map(async (rung) => (await stage.entriesOf(rung)).at(-1)));
  expect(newest.map((entry) => entry?.uri.replace(/^s\/[^/]*\//, ''))).toEqual([
    `360p/${newest[0]?.msn}.1.ts`,
    ...rungs.slice(1).map((rung) => `${rung}/${newest[0]?.msn}.0.ts`),
  ]);
  expect(newest.some((entry) => entry?.gap)).toBe(false);
});
