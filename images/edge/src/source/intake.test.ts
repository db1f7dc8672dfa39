import { describe, expect, test } from '@jest/globals';
import { intake, type KnownSegment, remember } from './intake.ts';
import type { SourcePlaylist, SourceSegment } from './parse.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';
import { nextLookAt } from './reload.ts';

function segment(msn: number, name = `a${msn}.ts`): SourceSegment {
  return sourceSegment({ msn, uri: `https://host/${name}?token=${Math.random()}` });
}

function playlistOf(first: number, last: number, prefix = 'a'): SourcePlaylist {
  const segments: SourceSegment[] = [];
  for (let msn = first; msn <= last; msn += 1) segments.push(segment(msn, `${prefix}${msn}.ts`));
  return sourcePlaylist(segments);
}

const knownTo = (first: number, last: number): readonly KnownSegment[] =>
  remember([], { kind: 'continue', segments: playlistOf(first, last).segments });

describe('a source that starts its encoder again, and with it its old names', () => {
  const dated = (first: number, last: number, startMs: number): SourcePlaylist => {
    const playlist = playlistOf(first, last);
    const dateOf = (msn: number): string => new Date(startMs + 2_000 * msn).toISOString();
    return { ...playlist, segments: playlist.segments.map((one) => ({ ...one, dateTime: dateOf(one.msn) })) };
  };
  const known = remember([], { kind: 'continue', segments: dated(0, 9, 0).segments });

  test.each([
    { name: 'before it is where it was', look: dated(0, 4, 30_000), kind: 'restart' },
    { name: 'behind where it was', look: dated(2, 12, 30_000), kind: 'restart' },
    { name: 'not at all: its dates are only reckoned anew', look: dated(2, 12, 400), kind: 'continue' },
    { name: 'not at all: it has no dates any more', look: playlistOf(2, 12), kind: 'continue' },
  ])('is seen by its dates, $name', ({ look, kind }) => {
    expect(intake(known, look, 0).kind).toBe(kind);
  });
});

describe('a look at the source', () => {
  test.each([
    { name: 'the first look', known: [], look: playlistOf(5, 9), behind: 0, kind: 'continue', taken: [5, 6, 7, 8, 9] },
    { name: 'nothing new', known: knownTo(1, 9), look: playlistOf(5, 9), behind: 0, kind: 'continue', taken: [] },
    {
      name: 'one new segment',
      known: knownTo(1, 9),
      look: playlistOf(6, 10),
      behind: 0,
      kind: 'continue',
      taken: [10],
    },
    { name: 'a hole', known: knownTo(1, 9), look: playlistOf(12, 14), behind: 0, kind: 'gap', taken: [12, 13, 14] },
    { name: 'new numbers', known: knownTo(50, 59), look: playlistOf(0, 1), behind: 0, kind: 'restart', taken: [0, 1] },
    {
      name: 'other names',
      known: knownTo(1, 9),
      look: playlistOf(4, 9, 'b'),
      behind: 0,
      kind: 'restart',
      taken: [4, 5, 6, 7, 8, 9],
    },
    { name: 'an older copy', known: knownTo(1, 9), look: playlistOf(4, 8), behind: 0, kind: 'stale', taken: [] },
    {
      name: 'an older copy for too long',
      known: knownTo(1, 9),
      look: playlistOf(0, 2),
      behind: 5,
      kind: 'restart',
      taken: [0, 1, 2],
    },
    { name: 'an empty playlist', known: knownTo(1, 9), look: playlistOf(1, 0), behind: 0, kind: 'continue', taken: [] },
  ])('takes $name as $kind', ({ known, look, behind, kind, taken }) => {
    const result = intake(known, look, behind);
    expect(result.kind).toBe(kind);
    expect(result.kind === 'stale' ? [] : result.segments.map((one) => one.msn)).toEqual(taken);
  });

  test('with numbers between two known runs is a restart', () => {
    const known = [...knownTo(0, 5), ...knownTo(12, 13)];
    expect(intake(known, playlistOf(7, 8, 'b'), 0).kind).toBe('restart');
  });
});

describe('the next look', () => {
  test.each([
    { name: 'a target duration after a change', outcome: { changed: true, failures: 0 }, afterMs: 4_000 },
    { name: 'half of it without one', outcome: { changed: false, failures: 0 }, afterMs: 2_000 },
    { name: 'half of it after a failure', outcome: { changed: false, failures: 1 }, afterMs: 2_000 },
    { name: 'later after more failures', outcome: { changed: false, failures: 3 }, afterMs: 8_000 },
    { name: 'at most 15 s after many', outcome: { changed: false, failures: 99 }, afterMs: 15_000 },
  ])('comes $name', ({ outcome, afterMs }) => {
    expect(nextLookAt({ ended: false, beganAt: 100, targetDurationSeconds: 4, ...outcome })).toBe(100 + afterMs);
  });
});
