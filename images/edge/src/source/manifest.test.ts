import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import fc from 'fast-check';
import { mediaPlaylist } from '../timeline/playlist.ts';
import { readAttributes } from './attributes.ts';
import { MAX_LINE_LENGTH } from './lines.ts';
import { readManifest } from './manifest.ts';
import { parsePlaylist } from './parse.ts';

const HEAD = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n';

describe('the attributes of a tag', () => {
  test.each([
    ['A=1,B="x,y=z",C=d', { A: '1', B: 'x,y=z', C: 'd' }],
    [' A = 1 , B="2" ,C=3', { A: '1', B: '2', C: '3' }],
    ['junk,A=1,B="never closed', { A: '1', B: 'never closed' }],
    ['A="x"rest,B=2', { A: 'x', B: '2' }],
    ['A=1,A=2,=3,__proto__=x', { A: '2', ['__proto__']: 'x' }],
    ['', {}],
  ])('of %s', (list, expected) => {
    expect([...readAttributes(list)]).toEqual(Object.entries(expected));
  });

  test('are read back as they were written', () => {
    const name = fc.stringMatching(/^[A-Z][A-Z0-9-]{0,10}$/);
    const value = fc.oneof(
      fc.nat().map(String),
      fc.stringMatching(/^[ -!#-~]{0,20}$/).map((text) => `"${text}"`),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 10 }), (list) => {
        const read = readAttributes(list.map((one) => one.join('=')).join(','));
        expect([...read]).toEqual(list.map(([key, text]) => [key, text.replaceAll('"', '')]));
      }),
    );
  });
});

describe('a playlist taken apart', () => {
  test('is what the edge itself has written', () => {
    const entry = fc.record({
      durationSeconds: fc.integer({ min: 1, max: 8_000_000 }).map((microseconds) => microseconds / 1e6),
      discontinuity: fc.boolean(),
      gap: fc.boolean(),
      map: fc.constantFrom(null, 's/m.mp4'),
      dateTime: fc
        .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
        .map((date) => date.toISOString()),
    });
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 60 }),
        fc.nat(2 ** 40),
        fc.nat(1000),
        (list, first, base) => {
          // Once there is a section, all that follow need one.
          const since = list.findIndex(({ map, gap }) => map !== null && !gap);
          const entries = list.map((one, index) => ({
            ...one,
            msn: first + index,
            names: { source: `s/${index}.ts` },
            map: since >= 0 && index >= since && !one.gap ? 's/m.mp4' : null,
          }));
          const log = { rungs: ['source'], targetDurationSeconds: 8, firstListedMsn: first, discontinuityBase: base };
          const text = mediaPlaylist({ ...log, entries } as unknown as Parameters<typeof mediaPlaylist>[0], 'source');
          let timeline = base;
          const expected = entries.map((one, index) => {
            timeline += Number(one.discontinuity);
            return {
              msn: one.msn,
              uri: `http://host/${one.names.source}`,
              durationSeconds: one.durationSeconds,
              dateTime: one.dateTime,
              discontinuity: one.discontinuity,
              discontinuitySequence: timeline,
              gap: one.gap,
              map: since >= 0 && index >= since ? { uri: 'http://host/s/m.mp4', range: null } : null,
            };
          });
          const { segments } = parsePlaylist(Buffer.from(text), 'http://host/index.m3u8') as {
            segments: readonly object[];
          };
          expect(segments).toEqual(expected.map((one) => expect.objectContaining(one)));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('keeps the end of it, and counts all', () => {
    const text = HEAD + Array.from({ length: 1_000 }, (_, index) => `#EXTINF:2,\n${index}.ts\n`).join('');
    const { segments, segmentCount } = readManifest(text);
    expect([segmentCount, segments.length, segments[0]?.uri]).toEqual([1_000, 60, '940.ts']);
  });

  test('has dates in front of the first that it tells, and ranges behind the first', () => {
    const part = '#EXTINF:2,\n#EXT-X-BYTERANGE:10\nall.ts\n';
    const { segments } = readManifest(`${HEAD}${part}#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\n${part}${part}`);
    expect(segments.map(({ programDateTime }) => programDateTime)).toEqual([8_000, 10_000, 12_000]);
    expect(segments.map(({ byterange }) => byterange?.offset)).toEqual([0, 10, 20]);
  });

  test('passes over a date that nobody can read', () => {
    const part = '#EXTINF:2,\na.ts\n';
    const { segments } = readManifest(
      `${HEAD}#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\n${part}#EXT-X-PROGRAM-DATE-TIME:soon\n${part}`,
    );
    expect(segments.map(({ programDateTime }) => programDateTime)).toEqual([10_000, 12_000]);
  });

  test.each([
    ['UTF-16', Buffer.from(`\uFEFF${HEAD}`, 'utf16le'), /UTF-16/],
    ['a URL in Latin-1', Buffer.from(`${HEAD}#EXTINF:2,\ncaf\u00e9.ts\n`, 'latin1'), /not in UTF-8/],
    ['noise', Buffer.from(Array.from({ length: 1_000 }, (_, index) => (index * 151) % 256)), /something else/],
    ['too many variants', Buffer.from(`#EXTM3U\n${'#EXT-X-STREAM-INF:BANDWIDTH=1\na\n'.repeat(101)}`), /100 variants/],
    ['too many renditions', Buffer.from(`#EXTM3U\n${'#EXT-X-MEDIA:TYPE=AUDIO\n'.repeat(301)}`), /300 renditions/],
  ])('is refused for %s', (_what, bytes, message) => {
    expect(() => parsePlaylist(bytes, 'http://host/index.m3u8')).toThrow(
      expect.objectContaining({ name: 'SluiceError', message: expect.stringMatching(message) }),
    );
  });

  test('takes no longer for a text that means us ill than for a plain one', () => {
    const size = 200_000;
    const filled = (line: string): string => HEAD + `${line}\n`.repeat(size / (line.length + 1));
    const work = (text: string): number => {
      const before = process.cpuUsage();
      try {
        readManifest(text);
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
      return process.cpuUsage(before).user / 1000;
    };
    const best = (text: string): number => Math.min(work(text), work(text));
    // At least what a hiccup of the runtime takes: the rest is regular expressions that look at everything again and again.
    const plain = Math.max(best(filled('#EXTINF:2,\na.ts')), 4);
    const long = (piece: string): string => piece.repeat((MAX_LINE_LENGTH - 50) / piece.length);
    for (const tag of ['KEY', 'MAP', 'MEDIA', 'STREAM-INF', 'DATERANGE', 'PROGRAM-DATE-TIME', 'BYTERANGE']) {
      for (const piece of ['=', 'a', '"', 'a="', ',', ' ', 'A=1,', '1']) {
        expect([tag, piece, best(filled(`#EXT-X-${tag}:${long(piece)}`)) < 50 * plain]).toEqual([tag, piece, true]);
      }
    }
    const ranges = Array.from({ length: size / 40 }, (_, index) => `#EXT-X-DATERANGE:ID="${index}",CLASS="a"\n`);
    expect(best(HEAD + ranges.join(''))).toBeLessThan(50 * plain);
  });
});
