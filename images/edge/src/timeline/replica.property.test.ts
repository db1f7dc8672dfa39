import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  append,
  emptied,
  lastDiscontinuitySequence,
  newLog,
  nextMsn,
  openEpoch,
  skipTo,
  type TimelineLog,
  trim,
} from './log.ts';
import { mediaPlaylist } from './playlist.ts';
import { applyUpdate, type LogUpdate, positionOf, updateSince } from './replica.ts';

const RUNGS = ['source', '360p'];

/** What an owner does with its log, and what becomes of the messages to its follower. */
type Step =
  | { readonly kind: 'append'; readonly switched: boolean; readonly discontinuity: boolean }
  | { readonly kind: 'trim' | 'empty' | 'epoch' | 'skip' | 'send' | 'reconnect' }
  | { readonly kind: 'deliver'; readonly which: number; readonly keep: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('append' as const), switched: fc.boolean(), discontinuity: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'trim' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('empty' as const, 'epoch' as const, 'skip' as const) }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'send' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(5), keep: fc.boolean() }) },
);

function entered(log: TimelineLog, switched: boolean, discontinuity: boolean): TimelineLog {
  const last = log.entries.at(-1);
  const msn = nextMsn(log);
  const names = {
    source: `s/u.${log.epoch}/source/${msn}.0.ts`,
    '360p': switched ? `s/u.${log.epoch}/360p/${msn}.1.ts` : `s/u.${log.epoch}/source/${msn}.0.ts`,
  };
  const breaks = discontinuity || (last !== undefined && last.epoch !== log.epoch);
  return append(log, {
    msn,
    epoch: log.epoch,
    durationSeconds: 2,
    dateTime: null,
    discontinuity: breaks,
    gap: false,
    map: null,
    names,
  });
}

function changed(log: TimelineLog, one: Step): TimelineLog {
  const numbers = { msnOffset: 1, discontinuityOffset: 0 };
  if (one.kind === 'append') return entered(log, one.switched, one.discontinuity);
  if (one.kind === 'trim') return trim(log, Math.min(log.entries.length, 1));
  if (one.kind === 'empty') return emptied(log);
  if (one.kind === 'epoch') return openEpoch(log, numbers);
  return one.kind === 'skip' ? skipTo(log, nextMsn(log) + 3, lastDiscontinuitySequence(log) + 1) : log;
}

const versionOf = (log: TimelineLog): string => `${log.firstListedMsn}-${nextMsn(log)}`;
const textsOf = (log: TimelineLog): string[] => RUNGS.map((rung) => mediaPlaylist(log, rung));
/** Messages are JSON on their way. */
const carried = (update: LogUpdate): LogUpdate => JSON.parse(JSON.stringify(update));

describe('a copied timeline', () => {
  test('has at every number the playlists that its owner had, whatever became of the messages', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let log = newLog({
          epoch: 1,
          targetDurationSeconds: 2,
          rungs: RUNGS,
          firstMsn: 7,
          discontinuityBase: 0,
          numbers: { msnOffset: 0, discontinuityOffset: 0 },
        });
        let copy: TimelineLog | null = null;
        let told: TimelineLog | null = null;
        const shown = new Map([[versionOf(log), textsOf(log)]]);
        const onTheirWay: LogUpdate[] = [];
        const take = (update: LogUpdate): void => {
          const before: TimelineLog | null = copy;
          const applied = applyUpdate(copy, update);
          expect(applied.kind).not.toBe('conflict');
          if (applied.kind === 'applied') copy = applied.log;
          if (applied.kind === 'behind')
            onTheirWay.push(carried(updateSince(log, copy === null ? null : positionOf(copy))));
          if (copy === null) return;
          expect(textsOf(copy)).toEqual(shown.get(versionOf(copy)));
          if (before === null) return;
          expect(nextMsn(copy)).toBeGreaterThanOrEqual(nextMsn(before));
          expect(copy.firstListedMsn).toBeGreaterThanOrEqual(before.firstListedMsn);
        };
        for (const one of steps) {
          log = changed(log, one);
          shown.set(versionOf(log), textsOf(log));
          if (one.kind === 'reconnect') {
            onTheirWay.length = 0;
            told = copy;
          } else if (one.kind === 'send') {
            onTheirWay.push(carried(updateSince(log, told === null ? null : positionOf(told))));
            told = log;
          } else if (one.kind === 'deliver') {
            const index = one.which % Math.max(1, onTheirWay.length);
            const [update] = one.keep ? onTheirWay.slice(index, index + 1) : onTheirWay.splice(index, 1);
            if (update !== undefined) take(update);
          }
        }
        take(carried(updateSince(log, copy === null ? null : positionOf(copy))));
        expect(copy === null ? null : versionOf(copy)).toBe(versionOf(log));
      }),
      { numRuns: 300 },
    );
  });
});
