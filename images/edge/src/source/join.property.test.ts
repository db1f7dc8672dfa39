import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isBehind, MAX_BEHIND, withRenditions } from './join.ts';
import { renumbered } from './numbers.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';

/** A rendition as it is listed at some moment: how far it is behind the reference, and numbers that it left out. */
const rendition = fc.record({
  behind: fc.integer({ min: -2, max: MAX_BEHIND + 3 }),
  holes: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 2 }),
  breaks: fc.boolean(),
  ended: fc.boolean(),
});
const moment = fc.record({
  first: fc.integer({ min: 0, max: 1_000_000 }),
  length: fc.integer({ min: 1, max: 12 }),
  ended: fc.boolean(),
  others: fc.dictionary(fc.stringMatching(/^source-[a-z]{1,5}$/), fc.option(rendition), { maxKeys: 4 }),
});

const NOTHING_SHOWN = Number.NEGATIVE_INFINITY;

type Moment = typeof moment extends fc.Arbitrary<infer T> ? T : never;

function listed(name: string, msns: readonly number[], broken = false) {
  return msns.map((msn) => sourceSegment({ msn, uri: `http://host/${name}/${msn}.ts`, discontinuity: broken }));
}

function playlistsOf({ first, length, ended, others }: Moment) {
  const msns = Array.from({ length }, (_, index) => first + index);
  const reference = { ...sourcePlaylist(listed('high', msns)), ended };
  const beside = Object.entries(others).map(([name, one]) => {
    if (one === null) return [name, null] as const;
    const newest = first + length - 1 - one.behind;
    const held = Array.from({ length: 14 }, (_, index) => newest - 13 + index).filter(
      (msn) => msn >= 0 && !one.holes.includes(newest - msn),
    );
    return [name, { ...sourcePlaylist(listed(name, held, one.breaks)), ended: one.ended }] as const;
  });
  return { reference, beside: new Map(beside) };
}

describe('renditions joined by their numbers', () => {
  test('stand beside the segment of the same number alone, and never beside another break', () => {
    fc.assert(
      fc.property(moment, (one) => {
        const { reference, beside } = playlistsOf(one);
        for (const segment of withRenditions(reference, beside, NOTHING_SHOWN).segments) {
          for (const [rung, twin] of Object.entries(segment.beside ?? {})) {
            expect(twin).toBe(beside.get(rung)?.segments.find(({ msn }) => msn === segment.msn));
            expect([twin.msn, twin.discontinuity]).toEqual([segment.msn, segment.discontinuity]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('withhold the newest segments for what is a little behind, and nothing for what has stopped or ended', () => {
    fc.assert(
      fc.property(moment, (one) => {
        const { reference, beside } = playlistsOf(one);
        const joined = withRenditions(reference, beside, NOTHING_SHOWN);
        const shown = joined.segments.length;
        expect(joined.segments.map(({ msn }) => msn)).toEqual(reference.segments.slice(0, shown).map(({ msn }) => msn));
        const withheld = reference.segments.length - shown;
        expect(withheld).toBeLessThanOrEqual(MAX_BEHIND);
        // Whatever is withheld, a rendition that lists no more yet is the reason; and it is asked again.
        const last = joined.segments.at(-1)?.msn ?? null;
        const reasons = [...beside.values()].filter((other) => other?.ended === false && isBehind(reference, other));
        const ends = reasons.map((other) => other?.segments.at(-1)?.msn ?? Number.NEGATIVE_INFINITY);
        if (withheld > 0) expect(ends.some((end) => (last === null ? end < one.first : end === last))).toBe(true);
        expect(joined.ended).toBe(reference.ended && withheld === 0);
      }),
      { numRuns: 60 },
    );
  });

  test('are the same when others count from elsewhere, once their numbers are those of the reference', () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: -1_000_000, max: 1_000_000 }), (one, offset) => {
        const { reference, beside } = playlistsOf(one);
        const elsewhere = [...beside].map(([name, other]) => {
          if (other === null) return [name, null] as const;
          const segments = other.segments.map((segment) => ({ ...segment, msn: segment.msn + offset }));
          return [name, renumbered({ ...other, segments }, offset)] as const;
        });
        expect(withRenditions(reference, new Map(elsewhere), NOTHING_SHOWN)).toEqual(
          withRenditions(reference, beside, NOTHING_SHOWN),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('never withhold what was shown before, however far behind they are by then', () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: 0, max: 11 }), (one, index) => {
        const { reference, beside } = playlistsOf(one);
        const shown = reference.segments[index]?.msn ?? NOTHING_SHOWN;
        expect(withRenditions(reference, beside, shown).segments.at(-1)?.msn ?? shown).toBeGreaterThanOrEqual(shown);
        // Numbers that have begun anew are not held against what was shown under the old ones.
        expect(withRenditions(reference, beside, one.first + 1_000)).toEqual(
          withRenditions(reference, beside, NOTHING_SHOWN),
        );
      }),
      { numRuns: 60 },
    );
  });
});
