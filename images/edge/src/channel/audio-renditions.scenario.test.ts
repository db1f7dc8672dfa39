import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeInit } from '@sluice/common/mp4/file.testing.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { aacSegment } from '../testing/packed-audio.ts';
import type { ServedRendition } from '../testing/renditions-server.ts';
import { testRoute } from '../testing/route.ts';
import {
  fragments,
  media,
  picture,
  RenditionsStage,
  sound,
  subtitles,
  ts,
  variant,
} from './renditions-stage.testing.ts';

let stage: RenditionsStage;
beforeEach(async () => {
  stage = await RenditionsStage.open();
});
afterEach(() => stage.close());

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
    await stage.begin(lines, all());
    const text = await stage.multivariant();
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
    await stage.begin(lines, all());
    stage.proxy();
    const rungs = ['source', 'source-360p', '360p', 'source-audio-1', 'source-audio-2', 'source-subtitles-1'];
    const playlists = await Promise.all(rungs.map(async (rung) => parseMediaPlaylist(await stage.edge.playlist(rung))));
    const maps = playlists.map(({ entries }) => new Set(entries.map(({ mapUri }) => mapUri)));
    expect(maps.map(({ size }) => size)).toEqual([1, 1, 1, 1, 1, 1]);
    const [high, low, alias, en, de, fr] = maps.map((set) => [...set][0]);
    expect([alias, fr]).toEqual([high, null]);
    expect(new Set([high, low, en]).size).toBe(3);
    // Sections are named by their bytes, and both languages have the same.
    expect(de).toBe(en);
    const stored = await stage.edge.files();
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
    await stage.begin(lines, all());
    stage.edge.media.setLocalViewers(testRoute('').uid, 1);
    const [entry] = await stage.entriesOf('source-audio-1');
    expect(entry?.uri).toMatch(/^http:.*\/en\/\d+\.m4s$/);
    expect(entry?.mapUri).toBe(`${stage.source.folder}en/init.mp4`);
    expect((await stage.entriesOf('source-subtitles-1'))[0]).toMatchObject({ mapUri: null });
  });

  test('is not played without its audio', async () => {
    await stage.begin(lines, { ...all(), en: { ...sound(), shiftSeconds: 1 }, de: { ...sound(), shiftSeconds: 1.1 } });
    await stage.edge.clock.advance(5_000);
    expect(stage.edge.report.health).toMatchObject({ state: 'down', reason: 'SourceUnsupported' });
    expect(stage.edge.report.health.message).toMatch(
      /audio cannot be carried: the audio "en" \(en\): .*the audio "de"/,
    );
  });

  test('plays in a lower picture with audio of its own where no other audio can be carried', async () => {
    await stage.begin([...lines.slice(0, 4), variant('muxed', 240)], {
      ...{ ...all(), en: { ...sound(), shiftSeconds: 1 }, de: { ...sound(), shiftSeconds: 1.1 } },
      muxed: fragments([1, 2], makeInit({ height: 240 })),
    });
    expect(stage.edge.report.facts).toBeNull();
    await stage.edge.clock.advance(5_000);
    stage.source.requests.length = 0;
    expect(stage.edge.report.facts).toMatchObject({ height: 240, audioCodec: 'mp4a.40.2' });
    expect(stage.edge.report.health).toMatchObject({ state: 'healthy', reason: 'RenditionsLeftOut' });
    stage.proxy();
    expect((await stage.entriesOf('source')).some(({ gap }) => gap)).toBe(false);
    const names = stage.source.requests.filter((path) => path !== '/index.m3u8').map((path) => path.split('/')[1]);
    expect(new Set(names)).toEqual(new Set(['muxed']));
  });

  test('loses one language alone that cannot be carried, and says so', async () => {
    await stage.begin(lines, { ...all(), de: { ...sound(), shiftSeconds: 1 } });
    expect(stage.edge.report.facts?.renditions?.map(({ name }) => name)).toEqual([
      'source-360p',
      'source-audio-1',
      'source-subtitles-1',
    ]);
    expect(stage.edge.report.health.message).toMatch(/not carried: the audio "de" \(de\): .*another time/);
  });

  test('is told to other edges as it is', async () => {
    await stage.begin(lines, all());
    const owners = [stage.edge.owner];
    stage.edge.media.apply(testRoute(stage.source.url, { mode: 'Proxy', owners, ownerTerm: 1 }));
    await stage.edge.playlist();
    const other = await stage.edge.another('pod-2');
    try {
      other.media.apply(testRoute(stage.source.url, { mode: 'Proxy', owners, ownerTerm: 1 }));
      await stage.edge.clock.advance(2_000);
      for (const rung of ['source', 'source-audio-2', 'source-subtitles-1']) {
        expect(await other.playlist(rung)).toBe(await stage.edge.playlist(rung));
      }
    } finally {
      await other.close();
    }
  });
});

test('audio within the pictures has its name where there are others to choose from', async () => {
  const within = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="A",NAME="en",LANGUAGE="en",DEFAULT=YES';
  const audio: ServedRendition = { extension: 'aac', segment: aacSegment };
  await stage.begin([within, media('AUDIO', 'de'), variant('high', 720, ',AUDIO="A"')], { high: ts(), de: audio });
  expect(stage.edge.report.facts).toMatchObject({ container: 'mpegts', audioCodec: 'mp4a.40.2' });
  const lines = (await stage.multivariant()).split('\n').filter((line) => line.startsWith('#EXT-X-MEDIA'));
  expect(lines).toHaveLength(2);
  expect(lines[0]).not.toContain('URI=');
  stage.proxy();
  expect((await stage.entriesOf('source-audio-2'))[0]?.uri).toMatch(/\/source-audio-2\/\d+\.0\.aac$/);
});
