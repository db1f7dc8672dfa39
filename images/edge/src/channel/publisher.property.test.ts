import { describe, expect, test } from '@jest/globals';
import type { Mode } from '@sluice/common/link/mode.ts';
import fc from 'fast-check';
import { originOf } from './materialise.ts';
import type { Heir } from './model-heirs.testing.ts';
import type { Turn } from './model-source.testing.ts';
import { type Event, World } from './model-world.testing.ts';

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), looks: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('mode' as const),
      mode: fc.constantFrom<Mode>('Direct', 'Proxy', 'Transcode'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), firstMsn: fc.nat(2000) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('turn' as const),
      turn: fc.constantFrom<Turn>('break', 'lose', 'gap', 'mark', 'encrypt', 'range'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), segments: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('sleep' as const), seconds: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('encode' as const), rungs: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'attempt' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('full' as const), isFull: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'squeeze' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('owner' as const),
      heir: fc.constantFrom<Heir>('told', 'copied', 'bare'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'end' as const }) },
);

const pass = (looks: number): Event => ({ kind: 'pass', looks });

/** An initialization section is due to go just when the channel, awake again, has found it in its folder. */
const SECTION_THAT_COMES_BACK: Event[] = [
  ...[5, 4, 8, 4].map(pass),
  { kind: 'sleep', seconds: 25 },
  pass(1),
  { kind: 'mode', mode: 'Direct' },
  { kind: 'mode', mode: 'Transcode' },
  pass(1),
  { kind: 'sleep', seconds: 1 },
];

/** An initialization section that only a transcoder's backlog needed is due to go when Proxy begins. */
const SECTION_THAT_WAS_REMOVED: Event[] = [
  ...[4, 4, 7, 6, 5, 8].map(pass),
  { kind: 'jump', segments: 1 },
  { kind: 'mode', mode: 'Transcode' },
  pass(1),
];

/** A transcode goes on under owners who know less and less of it, up to segments that nobody can read. */
const OWNERS_IN_A_TRANSCODE: Event[] = [
  pass(4),
  { kind: 'mode', mode: 'Transcode' },
  { kind: 'encode', rungs: 2 },
  pass(8),
  ...(['told', 'copied', 'bare'] as const).flatMap((heir): Event[] => [{ kind: 'owner', heir }, pass(7)]),
  { kind: 'turn', turn: 'encrypt' },
  pass(3),
  { kind: 'owner', heir: 'copied' },
];

/** Another owner goes on behind a gap, before which a transcoder's segments are listed. */
const OWNER_BEHIND_A_GAP: Event[] = [
  { kind: 'encode', rungs: 2 },
  { kind: 'mode', mode: 'Transcode' },
  pass(4),
  { kind: 'turn', turn: 'lose' },
  pass(2),
  { kind: 'attempt' },
  { kind: 'owner', heir: 'told' },
];

/** A source that has begun anew counts fewer discontinuities than the lost log of the owner before did. */
const FEWER_BREAKS: Event[] = [
  { kind: 'owner', heir: 'bare' },
  { kind: 'turn', turn: 'break' },
  pass(8),
  { kind: 'owner', heir: 'bare' },
  { kind: 'restart', firstMsn: 0 },
  pass(1),
];

describe('a channel whose world does anything', () => {
  test('keeps the rules of RFC 8216bis 6.2.1 and 6.2.2 at every pair of polls, in every rung, whoever owns it', async () => {
    const seen = { transcode: 0, sections: 0, epochs: 0, gaps: 0, maps: 0, keys: 0, ranges: 0, markers: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 4, max: 16 }),
        fc.nat(5000),
        fc.boolean(),
        async (events, window, firstMsn, fragmented) => {
          const world = new World(window, firstMsn, fragmented);
          await world.pass(3);
          for (const one of events) await world.happen(one);
          await world.happen({ kind: 'full', isFull: false });
          await world.pass(4);
          const { log } = world.publisher;
          world.publisher.close();
          expect(world.problems).toEqual([]);
          expect(log?.entries.length).toBeGreaterThan(2);
          seen.epochs += (log?.epoch ?? 1) - 1;
          seen.gaps += log?.entries.filter((entry) => entry.gap).length ?? 0;
          seen.maps += new Set(log?.entries.map(({ map }) => map)).size > 1 ? 1 : 0;
          for (const fact of ['keys', 'range', 'markers'] as const) {
            const found = log?.entries.some((entry) => entry[fact] !== undefined) ?? false;
            seen[fact === 'range' ? 'ranges' : fact] += found ? 1 : 0;
          }
          seen.sections += log?.entries.filter(({ beside }) => beside !== undefined).length ?? 0;
          seen.transcode += [...world.files.content.keys()].filter((name) => originOf(name) !== 'source').length;
        },
      ),
      {
        numRuns: 100,
        examples: [
          [SECTION_THAT_COMES_BACK, 4, 0, true],
          [SECTION_THAT_WAS_REMOVED, 4, 0, true],
          [OWNER_BEHIND_A_GAP, 4, 0, false],
          [FEWER_BREAKS, 4, 0, false],
          [OWNERS_IN_A_TRANSCODE, 8, 7, true],
          [OWNERS_IN_A_TRANSCODE, 8, 7, false],
        ],
      },
    );
    expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
  });
});
