import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { corpusOf, spoiled } from '@sluice/common/corpus/mutations.testing.ts';
import { makeInit } from '@sluice/common/mp4/file.testing.ts';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import fc from 'fast-check';
import { makeSegment } from '../testing/segment.ts';
import { contentOf } from './content.ts';
import { parsePlaylist } from './parse.ts';
import { chooseRenditions } from './renditions.ts';

const corpus = corpusOf(join(import.meta.dirname, 'corpus'));
const URL = 'https://host/live/index.m3u8';

/** Bytes after which another line has begun, more or less. */
const LINE_BYTES = 24;

/** What the texts of a playlist may be written into: a playlist of ours, a log, a condition. */
const ONE_LINE = /^[^\r\n"]*$/;

describe('playlists of sources', () => {
  test.each([...corpus.keys()])('of the corpus are read: %s', (name) => {
    expect(() => parsePlaylist(corpus.get(name) ?? Buffer.alloc(0), URL)).not.toThrow();
  });

  test('that are spoiled are refused with a typed error, or say what is possible', () => {
    fc.assert(
      fc.property(spoiled(corpus, LINE_BYTES), (bytes) => {
        try {
          const playlist = parsePlaylist(bytes, URL);
          if (playlist.kind === 'multivariant') {
            const { reference, candidates } = chooseRenditions(playlist, true);
            expect([reference.codecs, ...candidates.map(({ rendition }) => rendition.label)].join('')).toMatch(
              ONE_LINE,
            );
            for (const { uri } of [reference, ...candidates]) expect(uri).toMatch(ONE_LINE);
            return;
          }
          expect(playlist.windowSegments).toBeGreaterThanOrEqual(playlist.segments.length);
          for (const [index, segment] of playlist.segments.entries()) {
            expect(segment.msn).toBe((playlist.segments[0]?.msn ?? 0) + index);
            expect(Number.isSafeInteger(segment.msn) && Number.isSafeInteger(segment.discontinuitySequence)).toBe(true);
            for (const uri of [segment.uri, segment.map?.uri ?? '']) expect(uri).toMatch(ONE_LINE);
            const lines = [...segment.keys, ...segment.mapKeys].map(({ tag }) => tag).concat(segment.markers);
            for (const line of [...lines, ...playlist.dateRanges]) expect(line).toMatch(/^#EXT[^\p{Cc}]*$/u);
            expect(segment.durationSeconds > 0 && segment.durationSeconds <= 120).toBe(true);
          }
        } catch (error) {
          expect(error).toMatchObject({
            name: 'SluiceError',
            code: expect.stringMatching(/^(NOT_A_PLAYLIST|PLAYLIST_INVALID|SOURCE_UNSUPPORTED)$/),
          });
        }
      }),
      { numRuns: 100 },
    );
  });
});

test('segments that are spoiled are refused with a typed error, whatever their names say they are', () => {
  const head = Buffer.from(
    'ID3\u0004\0\0\0\0\0?PRIV\0\0\x005\0\0com.apple.streaming.transportStreamTimestamp\0\0\0\0\0\0\u0001_\u0090',
    'latin1',
  );
  const small = new Map([
    ['aac', head],
    [
      'vtt',
      Buffer.from('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n00:00.000 --> 00:02.000\nHello\n'),
    ],
    ['ts', makeSegment({ startSeconds: 1, durationSeconds: 0.2 })],
  ]);
  const init = inspectInit(makeInit());
  for (const [extension, bytes] of small) expect(() => contentOf(extension, bytes, null)).not.toThrow();
  fc.assert(
    fc.property(spoiled(small, LINE_BYTES), fc.constantFrom('aac', 'vtt', 'ts', 'm4s'), (bytes, extension) => {
      try {
        const { start } = contentOf(extension, bytes, extension === 'm4s' ? init : null);
        if (start !== null) expect(start.seconds).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toMatchObject({ name: 'SluiceError' });
      }
    }),
    { numRuns: 100 },
  );
});
