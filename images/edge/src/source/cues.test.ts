import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cuesOf, numbersShowing } from './cues.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';

const read = (...lines: readonly string[]) => cuesOf(Buffer.from(['WEBVTT', ...lines].join('\n')));
const MAP = 'X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000';

const playlist = sourcePlaylist(
  [7, 8, 9].map((msn) => sourceSegment({ msn, uri: `http://host/${msn}.ts`, durationSeconds: 2 })),
);

describe('cues of WebVTT', () => {
  test.each([
    { name: 'the map', lines: [MAP, '', '00:01.000 --> 00:02.500 align:start'], from: 990_000, to: 1_125_000 },
    {
      name: 'a map with another local time',
      lines: ['X-TIMESTAMP-MAP=LOCAL:01:00:00.000,MPEGTS:90000', '', '01:00:01.000 --> 01:00:02.000'],
      from: 180_000,
      to: 270_000,
    },
    { name: 'nothing, which means zero', lines: ['', '00:01.000 --> 00:02.000'], from: 90_000, to: 180_000 },
  ])('are shown by $name', ({ lines, from, to }) => {
    expect(read(...lines)).toEqual([{ from, to }]);
  });

  test('that nobody can read are passed over', () => {
    expect(read(MAP, '--> ', '1 --> 2', '00:99.000 --> 00:99.500', '00:01.000 -->')).toEqual([]);
  });

  test('are read in the time that their bytes take, and in a bounded number', () => {
    const many = Array.from({ length: 1_000 }, () => '00:01.000 --> 00:02.000');
    expect(read(...many)).toHaveLength(200);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => cuesOf(bytes).length >= 0),
      { numRuns: 50 },
    );
  });

  test('tell in which of the segments they are shown, over the end of the clock as well', () => {
    const start = { seconds: 2 ** 33 / 90_000 - 1, isTicks: true };
    const shown = (from: number, to: number) =>
      numbersShowing([{ from: from * 90_000, to: to * 90_000 }], playlist, 1, start);
    expect(shown(0.5, 0.8)).toEqual([8]);
    expect(shown(0.5, 2)).toEqual([8, 9]);
    expect(shown(-2.5, -1)).toEqual([7]);
    expect(shown(9, 10)).toEqual([]);
    expect(numbersShowing([], playlist, 1, start)).toEqual([]);
  });
});
