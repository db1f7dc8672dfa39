import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { updateViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { aacSegment } from '../testing/packed-audio.ts';
import { RenditionsServer, type ServedRendition } from '../testing/renditions-server.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { findDesk } from '../work/desk.ts';

const ts = (): ServedRendition => ({
  extension: 'ts',
  segment: (startSeconds, durationSeconds) => makeSegment({ startSeconds, durationSeconds }),
});
const fragments = (tracks: readonly number[], init: Uint8Array): ServedRendition => ({
  extension: 'm4s',
  init,
  segment: (startSeconds, durationSeconds) => makeFragment({ startSeconds, durationSeconds, tracks }),
});
const picture = (height = 720) => fragments([1], makeInit({ height, audio: null }));
const sound = () => fragments([2], makeInit({ video: null }));
const subtitles = (): ServedRendition => ({
  extension: 'vtt',
  segment: () => Buffer.from('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9000000\n'),
});

const variant = (name: string, height: number, rest = ''): string =>
  `#EXT-X-STREAM-INF:BANDWIDTH=${height * 4000},RESOLUTION=${Math.round((height * 16) / 9)}x${height}${rest}\n${name}/index.m3u8`;
const media = (type: string, name: string, rest = ''): string =>
  `#EXT-X-MEDIA:TYPE=${type},GROUP-ID="${type[0]}",NAME="${name}",LANGUAGE="${name}"${rest},URI="${name}/index.m3u8"`;

let edge: TestEdge;
let source: RenditionsServer;
beforeEach(async () => {
  edge = await TestEdge.open();
});
afterEach(async () => {
  await edge.close();
  await source.close();
});

async function begin(lines: readonly string[], renditions: Readonly<Record<string, ServedRendition>>): Promise<void> {
  source = new RenditionsServer(edge.clock.now, lines, renditions);
  await source.listen();
  edge.media.apply(testRoute(source.url));
  await edge.clock.advance(10);
  source.requests.length = 0;
}

function proxy(): void {
  edge.media.apply(testRoute(source.url, { mode: 'Proxy' }));
}

async function multivariant(): Promise<string> {
  const answer = edge.media.multivariant('default/film', 'session=x', AbortSignal.timeout(60_000));
  await edge.clock.advance(0);
  return (await answer).text;
}

const entriesOf = async (rung: string) => parseMediaPlaylist(await edge.playlist(rung)).entries;
const TWO = [variant('low', 360), variant('high', 720)];

describe('a source with several pictures', () => {
  test('is offered with all of them, the highest first, before the ladder', async () => {
    await begin(TWO, { high: ts(), low: ts() });
    expect(edge.report.facts?.renditions).toEqual([expect.objectContaining({ name: 'source-360p', height: 360 })]);
    expect((await multivariant()).split('\n').filter((line) => line.includes('.m3u8'))).toEqual([
      'source.m3u8?session=x',
      'source-360p.m3u8?session=x',
      '360p.m3u8?session=x',
      '240p.m3u8?session=x',
    ]);
    expect(edge.report.health).toMatchObject({ state: 'healthy', reason: 'Delivering' });
  });

  test('names the same numbers of each at the source in Direct', async () => {
    await begin(TWO, { high: ts(), low: ts() });
    edge.media.setLocalViewers(testRoute('').uid, 1);
    const [high, low] = [urisOf(await edge.playlist('source')), urisOf(await edge.playlist('source-360p'))];
    expect(high[0]).toMatch(/\/high\/\d+\.ts$/);
    expect(low).toEqual(high.map((uri) => uri.replace('/high/', '/low/')));
    expect(source.requests.filter((path) => path.endsWith('.ts'))).toEqual([]);
  });

  test('stores each segment of each once in Proxy, before any playlist names it', async () => {
    await begin(TWO, { high: ts(), low: ts() });
    proxy();
    for (let step = 0; step < 6; step += 1) {
      const stored = await Promise.all(['source', 'source-360p', '240p'].map((rung) => edge.playlist(rung)));
      const files = await edge.files();
      for (const name of stored.flatMap(urisOf)) expect(files).toContain(name.slice(2));
      expect(parseMediaPlaylist(stored[0] ?? '').entries.map(({ msn }) => msn)).toEqual(
        parseMediaPlaylist(stored[1] ?? '').entries.map(({ msn }) => msn),
      );
      await edge.clock.advance(2_000);
    }
    expect(urisOf(await edge.playlist('source-360p'))[0]).toMatch(/^s\/11112222\.1\/source-360p\/\d+\.0\.ts$/);
    const segments = source.requests.filter((path) => path.endsWith('.ts'));
    expect(segments.length).toBe(new Set(segments).size);
  });

  test('shows a gap where one of them has nothing, and only there, and goes on when it is back', async () => {
    await begin(TWO, { high: ts(), low: ts() });
    proxy();
    let before = parseMediaPlaylist(await edge.playlist('source-360p'));
    const low = source.renditions.get('low') as ServedRendition;
    for (const lost of [true, false]) {
      low.lost = lost;
      for (let step = 0; step < 5; step += 1) {
        await edge.clock.advance(2_000);
        const playlist = parseMediaPlaylist(await edge.playlist('source-360p'));
        expect(updateViolations(before, playlist)).toEqual([]);
        before = playlist;
      }
      expect(before.entries.at(-1)?.gap).toBe(lost);
    }
    expect((await entriesOf('source')).some(({ gap }) => gap)).toBe(false);
    expect(before.entries.filter(({ gap }) => gap).length).toBeGreaterThan(2);
  });

  test('waits for one that is a little behind, and not for one that has stopped', async () => {
    const low = ts();
    await begin(TWO, { high: ts(), low });
    proxy();
    low.behind = 1;
    await edge.playlist();
    await edge.clock.advance(10_000);
    expect((await entriesOf('source-360p')).some(({ gap }) => gap)).toBe(false);
    low.behind = 9;
    await edge.clock.advance(20_000);
    expect((await entriesOf('source-360p')).at(-1)?.gap).toBe(true);
    expect((await entriesOf('source')).at(-1)?.gap).toBe(false);
  });

  test('takes a segment for none that begins at another time than its number says', async () => {
    const low = ts();
    await begin(TWO, { high: ts(), low });
    proxy();
    await edge.playlist();
    low.shiftSeconds = 1;
    await edge.clock.advance(8_000);
    expect((await entriesOf('source-360p')).at(-1)?.gap).toBe(true);
    expect((await entriesOf('source')).at(-1)?.gap).toBe(false);
  });

  test.each([
    { name: 'begins its segments at other times', change: { shiftSeconds: 0.8 }, why: /begins at another time/ },
    { name: 'cannot be read', change: { lost: true }, why: /404/ },
  ])('leaves one out that $name, and says so', async ({ change, why }) => {
    await begin(TWO, { high: ts(), low: { ...ts(), ...change } });
    expect(edge.report.facts?.leftOut).toMatch(/^the picture 360p: /);
    expect(edge.report.facts?.leftOut).toMatch(why);
    expect(edge.report.health).toMatchObject({ state: 'healthy', reason: 'RenditionsLeftOut' });
    expect(await multivariant()).not.toContain('source-360p');
  });

  test('finds what is of the same time where one numbers its segments in another way', async () => {
    await begin(TWO, { high: ts(), low: { ...ts(), msnOffset: 40 } });
    expect(edge.report.facts?.renditions).toEqual([expect.objectContaining({ name: 'source-360p', msnOffset: 40 })]);
    expect(edge.report.health).toMatchObject({ state: 'healthy', reason: 'Delivering' });
    edge.media.setLocalViewers(testRoute('').uid, 1);
    const numbers = async (rung: string) =>
      urisOf(await edge.playlist(rung)).map((uri) => Number.parseInt(uri.split('/').at(-1) ?? '', 10));
    const [high, low] = [await numbers('source'), await numbers('source-360p')];
    expect(low).toEqual(high.map((msn) => msn + 40));
    proxy();
    await edge.clock.advance(8_000);
    const entries = await entriesOf('source-360p');
    expect(entries.at(-1)?.uri).toMatch(/^s\/11112222\.1\/source-360p\/\d+\.0\.ts$/);
    expect(entries.some(({ gap }) => gap)).toBe(false);
    expect(entries.map(({ msn }) => msn)).toEqual((await entriesOf('source')).map(({ msn }) => msn));
  });

  test('looks again where one begins its numbers anew, and goes on behind some gaps', async () => {
    const low = ts();
    await begin(TWO, { high: ts(), low });
    proxy();
    await edge.playlist();
    low.msnOffset = 1_000;
    await edge.clock.advance(30_000);
    const entries = await entriesOf('source-360p');
    const gaps = entries.filter(({ gap }) => gap).length;
    expect(entries.at(-1)?.gap).toBe(false);
    expect(gaps).toBeGreaterThan(0);
    expect(gaps).toBeLessThan(10);
    expect(edge.report.facts?.renditions?.[0]?.msnOffset).toBe(1_000);
    expect((await entriesOf('source')).some(({ gap }) => gap)).toBe(false);
  });

  test('finds a rendition that the source has got since, when nobody watches any more', async () => {
    await begin(TWO.slice(1), { high: ts(), low: ts() });
    expect(edge.report.facts?.renditions).toBeUndefined();
    proxy();
    await edge.playlist();
    source.lines = TWO;
    await edge.clock.advance(600_000);
    expect(edge.report.facts?.renditions).toBeUndefined();
    edge.media.apply(testRoute(source.url, { mode: 'Idle' }));
    await edge.clock.advance(120_000);
    expect(edge.report.facts?.renditions).toHaveLength(1);
    proxy();
    const [high, low] = [await entriesOf('source'), await entriesOf('source-360p')];
    expect(low.map(({ msn }) => msn)).toEqual(high.map(({ msn }) => msn));
    expect(low.some(({ gap }) => gap)).toBe(false);
  });

  test('goes on with the same renditions after a restart of the edge', async () => {
    await begin(TWO, { high: ts(), low: ts() });
    proxy();
    await edge.playlist();
    const { facts } = edge.report;
    await edge.restart(2_000);
    edge.media.apply(testRoute(source.url, { mode: 'Proxy', source: { uri: source.url, headers: {}, facts } }));
    await edge.playlist();
    await edge.clock.advance(4_000);
    const [high, low] = [await entriesOf('source'), await entriesOf('source-360p')];
    expect(low.map(({ msn }) => msn)).toEqual(high.map(({ msn }) => msn));
    expect(low.some(({ gap }) => gap)).toBe(false);
  });
});

test('the pictures and languages of a source stay beside the ladder in Transcode', async () => {
  const lines = [media('AUDIO', 'de'), ...TWO.map((one) => one.replace('\n', ',AUDIO="A"\n'))];
  await begin(lines, { high: ts(), low: ts(), de: ts() });
  const session = { name: 'film-1', uid: 'session', tokenSha256: '0'.repeat(64), rungs: ['360p', '240p'] };
  edge.media.apply(testRoute(source.url, { mode: 'Transcode', session }));
  await edge.playlist();
  let after = -1;
  for (let step = 0; step < 80; step += 1) {
    await edge.clock.advance(200);
    const desk = findDesk(edge.media, 'default', 'film-1');
    const newest = edge.media.ownerOfSession('default', 'film-1')?.publisher.stored().at(-1)?.msn ?? -1;
    if (desk === null || newest <= after) continue;
    desk.called(1);
    const bytes = makeSegment({ startSeconds: 100 + newest * 2, durationSeconds: 2 });
    await edge.during(() => Promise.all(session.rungs.map((rung) => desk.put(1, rung, newest, 1, bytes))));
    after = newest;
  }
  expect(edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
  const rungs = ['360p', 'source', 'source-360p', 'source-audio-1'];
  const newest = await Promise.all(rungs.map(async (rung) => (await entriesOf(rung)).at(-1)));
  expect(newest.map((entry) => entry?.uri.replace(/^s\/[^/]*\//, ''))).toEqual([
    `360p/${newest[0]?.msn}.1.ts`,
    ...rungs.slice(1).map((rung) => `${rung}/${newest[0]?.msn}.0.ts`),
  ]);
  expect(newest.some((entry) => entry?.gap)).toBe(false);
});

describe('a source whose audio is in playlists of its own', () => {
  const lines = [
    media('AUDIO', 'en', ',DEFAULT=YES'),
    media('AUDIO', 'de', ',AUTOSELECT=YES'),
    media('SUBTITLES', 'fr', ',FORCED=NO'),
    variant('high', 720, ',CODECS="avc1.64001f,mp4a.40.2",AUDIO="A",SUBTITLES="S"'),
    variant('low', 360, ',CODECS="avc1.64001e,mp4a.40.2",AUDIO="A",SUBTITLES="S"'),
  ];
  const all = () => ({ high: picture(), low: picture(360), en: sound(), de: sound(), fr: subtitles() });

  test('is offered with its languages and subtitles in every variant', async () => {
    await begin(lines, all());
    const text = await multivariant();
    expect(text).toContain(
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="source-audio-1.m3u8?session=x"\n',
    );
    expect(text).toContain('NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,URI="source-audio-2.m3u8?session=x"\n');
    expect(text).toContain(
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="fr",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=NO,FORCED=NO,URI="source-subtitles-1.m3u8?session=x"\n',
    );
    const variants = text.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF'));
    expect(variants).toHaveLength(4);
    for (const line of variants)
      expect(line).toMatch(/CODECS="avc1[^"]+,mp4a\.40\.2",AUDIO="audio",SUBTITLES="subtitles"$/);
  });

  test('plays with a section of its own for each rendition, and none for subtitles', async () => {
    await begin(lines, all());
    proxy();
    const rungs = ['source', 'source-360p', '360p', 'source-audio-1', 'source-audio-2', 'source-subtitles-1'];
    const playlists = await Promise.all(rungs.map(async (rung) => parseMediaPlaylist(await edge.playlist(rung))));
    const maps = playlists.map(({ entries }) => new Set(entries.map(({ mapUri }) => mapUri)));
    expect(maps.map(({ size }) => size)).toEqual([1, 1, 1, 1, 1, 1]);
    const [high, low, alias, en, de, fr] = maps.map((set) => [...set][0]);
    expect([alias, fr]).toEqual([high, null]);
    expect(new Set([high, low, en]).size).toBe(3);
    // Sections are named by their bytes, and both languages have the same.
    expect(de).toBe(en);
    const stored = await edge.files();
    for (const { entries } of playlists) {
      expect(entries.map(({ msn }) => msn)).toEqual(playlists[0]?.entries.map(({ msn }) => msn));
      for (const { uri, mapUri } of entries) {
        expect(stored).toContain(uri.slice(2));
        if (mapUri !== null) expect(stored).toContain(mapUri.slice(2));
      }
    }
    expect(playlists[5]?.entries[0]?.uri).toMatch(/\/source-subtitles-1\/\d+\.0\.vtt$/);
  });

  test('names its sections at the source in Direct', async () => {
    await begin(lines, all());
    edge.media.setLocalViewers(testRoute('').uid, 1);
    const [entry] = await entriesOf('source-audio-1');
    expect(entry?.uri).toMatch(/^http:.*\/en\/\d+\.m4s$/);
    expect(entry?.mapUri).toBe(`${source.folder}en/init.mp4`);
    expect((await entriesOf('source-subtitles-1'))[0]).toMatchObject({ mapUri: null });
  });

  test('is not played without its audio', async () => {
    await begin(lines, { ...all(), en: { ...sound(), shiftSeconds: 1 }, de: { ...sound(), shiftSeconds: 1.1 } });
    await edge.clock.advance(5_000);
    expect(edge.report.health).toMatchObject({ state: 'down', reason: 'SourceUnsupported' });
    expect(edge.report.health.message).toMatch(/audio cannot be carried: the audio "en" \(en\): .*the audio "de"/);
  });

  test('plays in a lower picture with audio of its own where no other audio can be carried', async () => {
    await begin([...lines.slice(0, 4), variant('muxed', 240)], {
      ...{ ...all(), en: { ...sound(), shiftSeconds: 1 }, de: { ...sound(), shiftSeconds: 1.1 } },
      muxed: fragments([1, 2], makeInit({ height: 240 })),
    });
    expect(edge.report.facts).toBeNull();
    await edge.clock.advance(5_000);
    source.requests.length = 0;
    expect(edge.report.facts).toMatchObject({ height: 240, audioCodec: 'mp4a.40.2' });
    expect(edge.report.health).toMatchObject({ state: 'healthy', reason: 'RenditionsLeftOut' });
    proxy();
    expect((await entriesOf('source')).some(({ gap }) => gap)).toBe(false);
    const names = source.requests.filter((path) => path !== '/index.m3u8').map((path) => path.split('/')[1]);
    expect(new Set(names)).toEqual(new Set(['muxed']));
  });

  test('loses one language alone that cannot be carried, and says so', async () => {
    await begin(lines, { ...all(), de: { ...sound(), shiftSeconds: 1 } });
    expect(edge.report.facts?.renditions?.map(({ name }) => name)).toEqual([
      'source-360p',
      'source-audio-1',
      'source-subtitles-1',
    ]);
    expect(edge.report.health.message).toMatch(/not carried: the audio "de" \(de\): .*another time/);
  });

  test('is told to other edges as it is', async () => {
    await begin(lines, all());
    const owners = [edge.owner];
    edge.media.apply(testRoute(source.url, { mode: 'Proxy', owners, ownerTerm: 1 }));
    await edge.playlist();
    const other = await edge.another('pod-2');
    try {
      other.media.apply(testRoute(source.url, { mode: 'Proxy', owners, ownerTerm: 1 }));
      await edge.clock.advance(2_000);
      for (const rung of ['source', 'source-audio-2', 'source-subtitles-1']) {
        expect(await other.playlist(rung)).toBe(await edge.playlist(rung));
      }
    } finally {
      await other.close();
    }
  });
});

test('audio within the pictures has its name where there are others to choose from', async () => {
  const within = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="A",NAME="en",LANGUAGE="en",DEFAULT=YES';
  const audio: ServedRendition = { extension: 'aac', segment: aacSegment };
  await begin([within, media('AUDIO', 'de'), variant('high', 720, ',AUDIO="A"')], { high: ts(), de: audio });
  expect(edge.report.facts).toMatchObject({ container: 'mpegts', audioCodec: 'mp4a.40.2' });
  const lines = (await multivariant()).split('\n').filter((line) => line.startsWith('#EXT-X-MEDIA'));
  expect(lines).toHaveLength(2);
  expect(lines[0]).not.toContain('URI=');
  proxy();
  expect((await entriesOf('source-audio-2'))[0]?.uri).toMatch(/\/source-audio-2\/\d+\.0\.aac$/);
});
