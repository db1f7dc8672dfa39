import { describe, expect, test } from '@jest/globals';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { append, newLog, type TimelineEntry } from './log.ts';
import { coveringCodec, multivariantPlaylist } from './multivariant.ts';
import { parseSegmentName, segmentName } from './names.ts';
import { mediaPlaylist } from './playlist.ts';
import { PlaylistTexts } from './playlist-texts.ts';

const FACTS = {
  container: 'mpegts' as const,
  videoCodec: 'avc1.640028',
  audioCodec: 'mp4a.40.2',
  width: 1920,
  height: 1080,
  frameRateMilli: 25_000,
  targetDurationSeconds: 2,
  bitrateBps: 6_000_000,
  windowSegments: 10,
  startsWithKeyframe: true,
  corsAllowed: true,
  probedAt: '2026-01-01T00:00:00.000Z',
};

describe('a media playlist', () => {
  let log = newLog({
    epoch: 1,
    targetDurationSeconds: 2,
    rungs: ['source', '360p'],
    firstMsn: 7,
    discontinuityBase: 2,
    numbers: { msnOffset: 0, discontinuityOffset: 0 },
  });
  const base = { epoch: 1, durationSeconds: 1.96, dateTime: null, discontinuity: false, gap: false, map: null };
  log = append(log, { ...base, msn: 7, names: { source: 'http://cdn/7.ts', '360p': 'http://cdn/7.ts' } });
  log = append(log, {
    ...base,
    msn: 8,
    discontinuity: true,
    gap: true,
    dateTime: '2026-01-01T00:00:02.000Z',
    names: { source: 's/a.1/source/8.0.ts', '360p': 's/a.1/360p/8.1.ts' },
  });

  test('is written once as long as the log is the same', () => {
    const texts = new PlaylistTexts();
    const longer = append(log, {
      ...base,
      msn: 9,
      names: { source: 's/a.1/source/9.0.ts', '360p': 's/a.1/360p/9.1.ts' },
    });
    for (const one of [log, longer, longer, log]) {
      for (const rung of ['source', '360p', 'source']) expect(texts.of(one, rung).text).toBe(mediaPlaylist(one, rung));
    }
    expect(() => texts.of(log, '240p')).toThrow(/no rendition "240p"/);
  });

  test('tells how long the segments of each rendition last, and no one of them longer than the target duration', () => {
    const rungs = ['source', 'source-audio-1', 'source-audio-2'];
    const names = Object.fromEntries(rungs.map((rung) => [rung, `s/a.1/${rung}/9.0.ts`]));
    const entry = (durationSeconds: number): TimelineEntry => ({
      ...{ ...base, msn: 9, names },
      beside: { 'source-audio-1': { map: null, durationSeconds }, 'source-audio-2': { map: null } },
    });
    const empty = newLog({ ...log, rungs, firstMsn: 9, numbers: log });
    const listed = rungs.map((rung) => parseMediaPlaylist(mediaPlaylist(append(empty, entry(2.1)), rung)).entries[0]);
    expect(listed.map((one) => one?.durationSeconds)).toEqual([1.96, 2.1, 1.96]);
    expect(() => append(empty, entry(2.6))).toThrow(/target duration/);
  });

  test('is this text', () => {
    expect(mediaPlaylist(log, '360p')).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:8',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-MEDIA-SEQUENCE:7',
        '#EXT-X-DISCONTINUITY-SEQUENCE:2',
        '#EXT-X-SERVER-CONTROL:HOLD-BACK=6.000',
        '#EXTINF:1.960,',
        'http://cdn/7.ts',
        '#EXT-X-DISCONTINUITY',
        '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z',
        '#EXT-X-GAP',
        '#EXTINF:1.960,',
        's/a.1/360p/8.1.ts',
        '',
      ].join('\n'),
    );
    expect(parseMediaPlaylist(mediaPlaylist(log, 'source')).entries).toHaveLength(2);
  });

  test('brings keys and sections into force where they change, and ends them where nothing is encrypted', () => {
    const aes = (msn: number): string => `#EXT-X-KEY:METHOD=AES-128,URI="https://keys/1",IV=0x${msn}`;
    const other = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://1",KEYFORMAT="com.apple.streamingkeydelivery"';
    let encrypted = newLog({
      epoch: 1,
      targetDurationSeconds: 2,
      rungs: ['source'],
      firstMsn: 0,
      discontinuityBase: 0,
      numbers: { msnOffset: 0, discontinuityOffset: 0 },
    });
    const add = (change: Partial<TimelineEntry>): void => {
      const msn = encrypted.entries.length;
      encrypted = append(encrypted, { ...base, msn, map: 'i.mp4', names: { source: `${msn}.m4s` }, ...change });
    };
    add({ keys: [aes(0)] });
    add({ keys: [aes(1), other] });
    add({ keys: [aes(1), other], gap: true, map: null });
    add({ keys: [aes(1), other], markers: ['#EXT-X-CUE-OUT:4'] });
    add({ keys: [other] });
    add({});
    add({ map: 'secret.mp4', mapKeys: [aes(9)], keys: [aes(9)], mapRange: { offset: 0, length: 7 } });
    add({ map: 'clear.mp4', keys: [aes(9)], range: { offset: 7, length: 90 } });
    const lines = mediaPlaylist(encrypted, 'source').split('\n').slice(6, -1);
    expect(lines.filter((line) => !line.startsWith('#EXTINF'))).toEqual([
      '#EXT-X-MAP:URI="i.mp4"',
      aes(0),
      '0.m4s',
      aes(1),
      other,
      '1.m4s',
      '#EXT-X-GAP',
      '2.m4s',
      '#EXT-X-CUE-OUT:4',
      '3.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      other,
      '4.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      '5.m4s',
      aes(9),
      '#EXT-X-MAP:URI="secret.mp4",BYTERANGE="7@0"',
      '6.m4s',
      '#EXT-X-KEY:METHOD=NONE',
      '#EXT-X-MAP:URI="clear.mp4"',
      aes(9),
      '#EXT-X-BYTERANGE:90@7',
      '7.m4s',
    ]);
    const { entries } = parseMediaPlaylist(mediaPlaylist(encrypted, 'source'));
    const read = entries.filter(({ gap }) => !gap).map(({ keys, mapUri }) => [mapUri, [...keys].sort()]);
    const written = encrypted.entries.filter(({ gap }) => !gap).map(({ keys = [], map }) => [map, [...keys].sort()]);
    expect(read).toEqual(written);
  });

  test('is refused for a rung that does not exist', () => {
    expect(() => mediaPlaylist(log, '4k')).toThrow(expect.objectContaining({ code: 'RUNG_UNKNOWN', status: 404 }));
  });
});

describe('the multivariant playlist', () => {
  test('names the source first and then the ladder, each URL with the session', () => {
    const ladder = [{ name: '720p', height: 720, bitrateBps: 2_500_000 }];
    expect(multivariantPlaylist(FACTS, ladder, 'session=abc').split('\n')).toEqual([
      '#EXTM3U',
      '#EXT-X-VERSION:8',
      '#EXT-X-INDEPENDENT-SEGMENTS',
      '#EXT-X-STREAM-INF:BANDWIDTH=6000000,RESOLUTION=1920x1080,FRAME-RATE=25.000,CODECS="avc1.640028,mp4a.40.2"',
      'source.m3u8?session=abc',
      '#EXT-X-STREAM-INF:BANDWIDTH=2961200,RESOLUTION=1280x720,FRAME-RATE=25.000,CODECS="avc1.640028,mp4a.40.2"',
      '720p.m3u8?session=abc',
      '',
    ]);
  });

  test('calls segments independent only where they begin with a keyframe', () => {
    expect(multivariantPlaylist({ ...FACTS, startsWithKeyframe: false }, [], '')).not.toContain('INDEPENDENT');
  });

  test('announces channels of audio, and captions as the source does', () => {
    const words = { label: 'English', language: 'en', default: true, autoselect: true };
    const none = { bitrateBps: 0, codecs: '', width: 0, height: 0, frameRateMilli: 0, forced: false };
    const audio = { ...none, ...words, name: 'source-audio-1', kind: 'Audio' as const, channels: '6' };
    const captions = [{ ...words, instreamId: 'CC1' }];
    const text = multivariantPlaylist({ ...FACTS, renditions: [audio], captions }, [], '');
    expect(text).toContain('DEFAULT=YES,AUTOSELECT=YES,CHANNELS="6",URI="source-audio-1.m3u8"\n');
    expect(text).toContain(
      '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,INSTREAM-ID="CC1"\n',
    );
    expect(text).toContain(',AUDIO="audio",CLOSED-CAPTIONS="captions"\nsource.m3u8\n');
    expect(multivariantPlaylist({ ...FACTS, captions: [] }, [], '')).toContain(',CLOSED-CAPTIONS=NONE\nsource.m3u8\n');
  });

  test('leaves out what is unknown', () => {
    const unknown = { ...FACTS, width: 0, height: 0, frameRateMilli: 0, videoCodec: '', audioCodec: '' };
    expect(multivariantPlaylist(unknown, [], '')).toContain('#EXT-X-STREAM-INF:BANDWIDTH=6000000\nsource.m3u8\n');
  });

  test.each([
    { source: 'avc1.640028', height: 360, codec: 'avc1.640028' },
    { source: 'avc1.42c01e', height: 720, codec: 'avc1.640028' },
    { source: '', height: 1080, codec: 'avc1.64002a' },
    { source: 'avc1.640033', height: 2160, codec: 'avc1.640034' },
  ])('declares $codec for a rung of $height lines that is $source at times', ({ source, height, codec }) => {
    expect(coveringCodec(source, height)).toBe(codec);
  });
});

test('a segment name says what it is, and nothing else is a segment name', () => {
  const id = { uid: '0123456789ab', epoch: 2, rung: '360p', msn: 77, attempt: 3 };
  expect(segmentName(id)).toBe('s/01234567.2/360p/77.3.ts');
  expect(parseSegmentName(segmentName(id))).toEqual({ epoch: 2, rung: '360p', msn: 77, attempt: 3 });
  expect(parseSegmentName('http://cdn/s/01234567.2/360p/77.3.ts')).toBeNull();
  expect(parseSegmentName('s/01234567.2/../77.3.ts')).toBeNull();
});
