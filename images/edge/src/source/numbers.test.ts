import { describe, expect, test } from '@jest/globals';
import {
  durationMismatch,
  indexAt,
  indexByDate,
  offsetByDurations,
  renumbered,
  secondsBetween,
  toleranceSeconds,
} from './numbers.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';

const DATE = Date.UTC(2026, 0, 1);

function listed(first: number, durations: readonly number[], datesFrom: number | null = null) {
  let at = datesFrom;
  return sourcePlaylist(
    durations.map((durationSeconds, index) => {
      const dateTime = at === null ? null : new Date(at).toISOString();
      if (at !== null) at += durationSeconds * 1000;
      return sourceSegment({ msn: first + index, uri: `http://host/${first + index}.ts`, durationSeconds, dateTime });
    }),
  );
}

const UNEVEN = [2, 1.92, 2.04, 2, 1.6, 2.2, 2.1];

describe('times in a playlist', () => {
  const { segments } = listed(0, [2, 4, 2, 2]);

  test.each([
    [0, 2, 6],
    [2, 0, -6],
    [1, 1, 0],
  ])('from segment %i to %i it is %i s', (from, to, seconds) => {
    expect(secondsBetween(segments, from, to)).toBe(seconds);
  });

  test.each([
    { from: 0, seconds: 2.9, index: 1 },
    { from: 0, seconds: 4.1, index: 2 },
    { from: 3, seconds: -6.2, index: 1 },
    { from: 2, seconds: 0.4, index: 2 },
    { from: 2, seconds: 1e9, index: 3 },
    { from: 2, seconds: -1e9, index: 0 },
  ])('$seconds s behind the beginning of segment $from the nearest is $index', ({ from, seconds, index }) => {
    expect(indexAt(segments, from, seconds)).toBe(index);
  });
});

describe('numbers that mean the same time', () => {
  test.each([
    { name: 'equal durations', other: listed(0, [2, 2, 2, 2]), fits: true },
    { name: 'frames of audio', other: listed(0, [1.9, 2.1, 1.9, 2.1]), fits: true },
    { name: 'other windows', other: listed(2, [2, 2, 2, 2, 2]), fits: true },
    { name: 'a drift', other: listed(0, [2.3, 2.3, 2.3, 2.3]), fits: false },
    { name: 'fewer segments for the same time', other: listed(0, [3, 3, 3]), fits: false },
  ])('$name: $fits', ({ other, fits }) => {
    expect(durationMismatch(listed(0, [2, 2, 2, 2]), other, 2, toleranceSeconds(2)) === null).toBe(fits);
  });

  test.each([
    { name: 'roundings of a long recording', apart: 0.002, fits: true },
    { name: 'other segments', apart: 0.02, fits: false },
  ])('add up over a minute or two, not over hours: $name', ({ apart, fits }) => {
    const [film, subtitles] = [2, 2 + apart].map((seconds) => listed(0, Array(5_000).fill(seconds)));
    for (const msn of [0, 2_500, 4_999]) {
      expect(film && subtitles && durationMismatch(film, subtitles, msn, toleranceSeconds(2)) === null).toBe(fits);
    }
  });

  test('are those of the reference behind a renumbering', () => {
    expect(renumbered(listed(107, UNEVEN), 100)).toEqual({
      ...listed(7, UNEVEN),
      segments: listed(107, UNEVEN).segments.map((one) => ({ ...one, msn: one.msn - 100 })),
    });
  });

  test.each([
    { name: 'the nearest date', from: DATE + 100, index: 2 },
    { name: 'no date that is near', from: DATE + 900, index: null },
    { name: 'no date', from: null, index: null },
  ])('are told by $name', ({ from, index }) => {
    const segment = listed(5, [2, 2, 2], DATE).segments[2];
    expect(segment && indexByDate(segment, listed(90, [2, 2, 2], from))).toBe(index);
  });

  test.each([
    { name: 'durations that change', other: listed(40, UNEVEN.slice(1)), offset: 29 },
    { name: 'equal durations', other: listed(40, [2, 2, 2, 2, 2, 2]), offset: null },
    { name: 'other durations', other: listed(40, [4, 4, 4, 4, 4, 4]), offset: null },
    { name: 'too few segments', other: listed(40, UNEVEN.slice(0, 4)), offset: null },
  ])('follow, or not, from $name', ({ other, offset }) => {
    expect(offsetByDurations(listed(10, UNEVEN), other)).toBe(offset);
  });

  test('follow from the beginning of recordings that are as long', () => {
    const recording = { ...listed(0, [2, 2, 2]), ended: true };
    expect(offsetByDurations(recording, { ...listed(1, [2, 2, 2]), ended: true })).toBe(1);
    expect(offsetByDurations(recording, { ...listed(1, [2, 2]), ended: true })).toBeNull();
  });
});
