import { describe, expect, test } from '@jest/globals';
import { append, newLog, nextMsn, type TimelineLog, trim } from './log.ts';
import { applyUpdate, positionOf, updateSince } from './replica.ts';

function logOf(count: number, mark = 'a', firstMsn = 10): TimelineLog {
  const numbers = { msnOffset: 0, discontinuityOffset: 0 };
  let log = newLog({ epoch: 1, targetDurationSeconds: 2, rungs: ['source'], firstMsn, discontinuityBase: 0, numbers });
  for (let index = 0; index < count; index += 1) {
    const entry = { epoch: 1, durationSeconds: 2, dateTime: null, discontinuity: false, gap: false, map: null };
    const msn = nextMsn(log);
    log = append(log, { ...entry, msn, names: { source: `s/u.1/source/${mark}${msn}.0.ts` } });
  }
  return log;
}

const wholeOf = (log: TimelineLog) => updateSince(log, null);

describe('what a copy is sent', () => {
  test('is only what it lacks, if it has the same past', () => {
    const update = updateSince(logOf(5), positionOf(logOf(3)));
    expect(update.after).toBe(13);
    expect(update.entries.map(({ msn }) => msn)).toEqual([13, 14]);
  });

  test.each([
    ['of another past', positionOf(logOf(3, 'b'))],
    ['that is ahead', positionOf(logOf(7))],
    ['that ended before what is listed', positionOf(logOf(2, 'a', 2))],
    ['that is empty', null],
  ])('is everything for a copy %s', (_name, position) => {
    expect(updateSince(logOf(5), position)).toMatchObject({ after: null, entries: { length: 5 } });
  });
});

describe('what a copy takes', () => {
  test.each([
    ['a listed segment that is another one', logOf(3), wholeOf(logOf(4, 'b')), 'conflict'],
    ['another target duration', logOf(3), wholeOf({ ...logOf(4), targetDurationSeconds: 3 }), 'conflict'],
    [
      'a hole',
      logOf(3),
      { ...wholeOf(logOf(4)), entries: logOf(6).entries.filter(({ msn }) => msn !== 12) },
      'conflict',
    ],
    ['fewer discontinuities', { ...logOf(3), discontinuityBase: 2 }, wholeOf(logOf(4)), 'conflict'],
    ['what it has already', logOf(4), wholeOf(logOf(3)), 'stale'],
    ['an empty log of the epoch before', { ...logOf(0), epoch: 2 }, wholeOf(logOf(0)), 'stale'],
    ['a log before a discontinuity was forgotten', { ...logOf(3), discontinuityBase: 2 }, wholeOf(logOf(3)), 'stale'],
    [
      'what follows on segments that it has dropped since',
      trim(logOf(6), 2),
      updateSince(logOf(6), positionOf(logOf(5))),
      'stale',
    ],
    ['what leaves something out', logOf(2), updateSince(logOf(6), positionOf(logOf(4))), 'behind'],
    ['news without a copy', null, updateSince(logOf(6), positionOf(logOf(4))), 'behind'],
    ['what follows', logOf(4), updateSince(logOf(6), positionOf(logOf(4))), 'applied'],
    ['what follows, with some of what it has', logOf(5), updateSince(logOf(6), positionOf(logOf(4))), 'applied'],
  ])('%s', (_name, copy, update, kind) => {
    expect(applyUpdate(copy, update)).toMatchObject({ kind });
  });
});
