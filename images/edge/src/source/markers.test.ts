import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Attributes, readAttributes } from './attributes.ts';
import { keyTag, readKey } from './key.ts';
import { readManifest } from './manifest.ts';

/** Of the playlist. */
const URL_OF_ALL = 'https://host/live/index.m3u8?token=1';
const tagsOf = (...lines: string[]) => readManifest(['#EXTM3U', ...lines].join('\n'));
const uris = (keys: readonly Attributes[]) => keys.map((key) => key.get('URI'));

describe('the tags of a segment', () => {
  test('say which of them has no bytes', () => {
    const { segments } = tagsOf('#EXTINF:2,', 'a.ts', '#EXT-X-GAP', '#EXTINF:2,', 'b.ts', '#EXTINF:2,', 'c.ts');
    expect(segments.map(({ gap }) => gap)).toEqual([false, true, false]);
  });

  test('say which keys are in force: each replaces that of its format, and NONE all', () => {
    const fairPlay = (name: string) =>
      `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://${name}",KEYFORMAT="com.apple.streamingkeydelivery"`;
    const { segments } = tagsOf(
      'clear.ts',
      '#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0xAB',
      fairPlay('1'),
      'a.ts',
      fairPlay('2'),
      'b.ts',
      '#EXT-X-KEY:METHOD=NONE',
      'c.ts',
    );
    expect(segments.map(({ keys }) => uris(keys))).toEqual([[], ['k1', 'skd://1'], ['k1', 'skd://2'], []]);
  });

  test('say which keys hold for the initialization section: those that stand before it', () => {
    const key = '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1';
    const { segments } = tagsOf('#EXT-X-MAP:URI="clear.mp4"', key, 'a.m4s', '#EXT-X-MAP:URI="secret.mp4"', 'b.m4s');
    expect(segments.map(({ map }) => map?.keys.length)).toEqual([0, 1]);
    expect(segments.map(({ keys }) => keys.length)).toEqual([1, 1]);
  });

  test('keep the ad markers of the standard and those in use beside it, where they stand', () => {
    const dateRange = '#EXT-X-DATERANGE:ID="ad",START-DATE="2026-01-01T00:00:00Z",SCTE35-OUT=0xFC30';
    const last = dateRange.replace('"ad"', '"later"');
    const { segments, dateRanges } = tagsOf(
      dateRange,
      '#EXT-OATCLS-SCTE35:/DAlAAAAAAAAAP/wFAUAAA==',
      '#EXT-X-CUE-OUT:30',
      '#EXTINF:2,',
      'a.ts',
      '#EXT-X-CUE-OUT-CONT:2/30',
      'b.ts',
      '#EXT-X-CUE-IN',
      '#EXT-X-CUEBALL',
      'c.ts',
      last,
      '#EXT-X-CUE-OUT:10',
    );
    expect(segments.map(({ markers }) => markers)).toEqual([
      [dateRange, '#EXT-OATCLS-SCTE35:/DAlAAAAAAAAAP/wFAUAAA==', '#EXT-X-CUE-OUT:30'],
      ['#EXT-X-CUE-OUT-CONT:2/30'],
      ['#EXT-X-CUE-IN'],
    ]);
    expect(dateRanges).toEqual([dateRange, last]);
  });

  test('leave out markers that are too long, too many, or would write lines of their own', () => {
    const { segments } = tagsOf(
      `#EXT-X-DATERANGE:${'x'.repeat(3_000)}`,
      '#EXT-X-CUE-OUT:\u0085#EXT-X-ENDLIST',
      ...Array.from({ length: 40 }, (_, index) => `#EXT-X-CUE-OUT:${index}`),
      'a.ts',
    );
    expect(segments[0]?.markers).toHaveLength(16);
    expect(segments[0]?.markers[0]).toBe('#EXT-X-CUE-OUT:0');
  });
});

describe('the tag of a key for viewers', () => {
  const tagOf = (list: string, msn: number): string => keyTag(readKey(readAttributes(list), URL_OF_ALL), msn);

  test('writes the initialization vector out that the source leaves to its own numbers', () => {
    expect(tagOf('METHOD=AES-128,URI="key?id=1"', 4660)).toBe(
      '#EXT-X-KEY:METHOD=AES-128,URI="https://host/live/key?id=1",IV=0x00000000000000000000000000001234',
    );
  });

  test.each([
    'METHOD=AES-128,URI="https://keys/1",IV=0x00000000000000000000000000000001',
    'METHOD=SAMPLE-AES,URI="skd://a,b",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"',
    'METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AAAA==",KEYID=0x01,KEYFORMAT="urn:uuid:edef8ba9"',
    // With whom RFC 8216bis 4.4.4.4 forbids an IV.
    'METHOD=SAMPLE-AES-CTR,URI="https://keys/1",KEYFORMAT="identity"',
  ])('leaves %s as it is', (list) => {
    expect(tagOf(list, 7)).toBe(`#EXT-X-KEY:${list}`);
  });

  test('is one line with one URI, or an error, whatever the source writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat(), (text, msn) => {
        try {
          const tag = tagOf(`METHOD=AES-128,URI="${text.replaceAll(/\s/g, '')}"`, msn);
          expect(tag).toMatch(/^#EXT-X-KEY:METHOD=AES-128,URI="[^"\n\r]*",/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'PLAYLIST_INVALID' });
        }
      }),
    );
  });
});
