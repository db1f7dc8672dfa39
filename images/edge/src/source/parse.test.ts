import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import fc from 'fast-check';
import { parsePlaylist } from './parse.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';
import { chooseRenditions } from './renditions.ts';

const parse = (text: string) => parsePlaylist(Buffer.from(text), 'https://host/live/index.m3u8?token=1');

const MEDIA = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:5
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z
#EXTINF:2.0,
a.ts
#EXT-X-DISCONTINUITY
#EXTINF:1.5,
/other/b.ts?x=1
`;

describe('a media playlist of a source', () => {
  test('is read with absolute URLs, numbers and breaks', () => {
    const first = sourceSegment({
      msn: 5,
      uri: 'https://host/live/a.ts',
      discontinuitySequence: 2,
      dateTime: '2026-01-01T00:00:00.000Z',
    });
    const second = sourceSegment({
      msn: 6,
      uri: 'https://host/other/b.ts?x=1',
      durationSeconds: 1.5,
      discontinuitySequence: 3,
      discontinuity: true,
      dateTime: '2026-01-01T00:00:02.000Z',
    });
    expect(parse(MEDIA)).toEqual(sourcePlaylist([first, second]));
  });

  test('names the initialization section that each segment needs', () => {
    const media = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2,
a.m4s
#EXTINF:2,
b.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="all.mp4",BYTERANGE="720@40"
#EXTINF:2,
#EXT-X-BYTERANGE:1000@760
all.mp4
`;
    const playlist = parse(media);
    const maps = playlist.kind === 'media' ? playlist.segments.map(({ map }) => map) : [];
    const first = { uri: 'https://host/live/init.mp4', range: null };
    const second = { uri: 'https://host/live/all.mp4', range: { offset: 40, length: 720 } };
    expect(maps).toEqual([first, first, second]);
  });

  test('keeps the end of a long window', () => {
    const segments = Array.from({ length: 500 }, (_, index) => `#EXTINF:2,\n${index}.ts\n`).join('');
    const playlist = parse(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n${segments}`);
    expect(playlist).toMatchObject({ windowSegments: 500 });
    if (playlist.kind === 'media') expect(playlist.segments.map((one) => one.msn).slice(-1)).toEqual([499]);
    if (playlist.kind === 'media') expect(playlist.segments).toHaveLength(60);
  });

  test('is read as it is where its server offers low latency: parts and hints are no segments', () => {
    const media = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=24
#EXT-X-PART-INF:PART-TARGET=0.33
#EXT-X-MEDIA-SEQUENCE:266
#EXTINF:4.00008,
a.ts
#EXT-X-PART:DURATION=0.33,URI="b.0.ts",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33,URI="b.1.ts",GAP=YES
#EXTINF:4,
b.ts
#EXT-X-PART:DURATION=0.33,URI="c.0.ts"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="c.1.ts"
#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=267,LAST-PART=2
`;
    const segments = [
      sourceSegment({ msn: 266, uri: 'https://host/live/a.ts', durationSeconds: 4.00008 }),
      sourceSegment({ msn: 267, uri: 'https://host/live/b.ts', durationSeconds: 4 }),
    ];
    expect(parse(media)).toEqual(sourcePlaylist(segments, { targetDurationSeconds: 4 }));
  });

  test.each([
    { name: 'a web page', text: '<!doctype html><html></html>', code: 'NOT_A_PLAYLIST' },
    { name: 'nothing', text: '', code: 'NOT_A_PLAYLIST' },
    { name: 'no target duration', text: '#EXTM3U\n#EXTINF:2,\na.ts\n', code: 'PLAYLIST_INVALID' },
    { name: 'a very long line', text: `#EXTM3U\n#${'x'.repeat(9_000)}\n`, code: 'PLAYLIST_INVALID' },
    { name: 'too many lines', text: `#EXTM3U\n${'\n'.repeat(100_001)}`, code: 'PLAYLIST_INVALID' },
    {
      name: 'a script',
      text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\njavascript:alert(1)\n',
      code: 'PLAYLIST_INVALID',
    },
    {
      name: 'a file',
      text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n',
      code: 'PLAYLIST_INVALID',
    },
    {
      name: 'a number too big to count on from',
      text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:9007199254740991\n#EXTINF:2,\na.ts\n',
      code: 'PLAYLIST_INVALID',
    },
    {
      name: 'a key without URI',
      text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128\n#EXTINF:2,\na.ts\n',
      code: 'PLAYLIST_INVALID',
    },
    {
      name: 'a key in a file',
      text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="file:///key"\n#EXTINF:2,\na.ts\n',
      code: 'PLAYLIST_INVALID',
    },
    { name: 'no URL', text: '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://[\n', code: 'PLAYLIST_INVALID' },
  ])('is refused for $name', ({ text, code }) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code }));
  });

  test('is read or refused with a clear error, whatever it holds', () => {
    const line = fc.oneof(
      fc.constantFrom(...MEDIA.split('\n'), '#EXT-X-ENDLIST', '#EXT-X-STREAM-INF:BANDWIDTH=x', '#EXT-X-BYTERANGE:-1@x'),
      fc.string(),
      fc
        .tuple(fc.constantFrom('#EXTINF:', '#EXT-X-MEDIA-SEQUENCE:', '#EXT-X-KEY:'), fc.string())
        .map((two) => two.join('')),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        try {
          const playlist = parse(`#EXTM3U\n${lines.join('\n')}`);
          if (playlist.kind === 'media') expect(playlist.segments.every((one) => one.durationSeconds > 0)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a multivariant source', () => {
  const variant = (height: number, rest: string): string =>
    `#EXT-X-STREAM-INF:BANDWIDTH=${height}000,RESOLUTION=1x${height}${rest}\n${height}.m3u8\n`;
  const audio = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="a.m3u8"\n';

  function chosen(text: string, audioApart = true): string {
    const playlist = parse(`#EXTM3U\n${text}`);
    if (playlist.kind !== 'multivariant') throw new Error('not multivariant');
    return chooseRenditions(playlist, audioApart).reference.uri;
  }

  test('is followed in its highest picture, wherever its audio is', () => {
    expect(chosen(variant(360, '') + variant(720, '') + variant(480, ''))).toBe('https://host/live/720.m3u8');
    expect(chosen(audio + variant(360, '') + variant(720, ',AUDIO="a"'))).toBe('https://host/live/720.m3u8');
  });

  test('is followed in its highest picture with audio in its segments where other audio cannot be carried', () => {
    expect(chosen(audio + variant(360, '') + variant(720, ',AUDIO="a"'), false)).toBe('https://host/live/360.m3u8');
    expect(chosen(audio + variant(720, ',AUDIO="a"'), false)).toBe('https://host/live/720.m3u8');
    const within = audio.replace(',URI="a.m3u8"', '');
    expect(chosen(within + variant(360, '') + variant(720, ',AUDIO="a"'), false)).toBe('https://host/live/720.m3u8');
  });
});
