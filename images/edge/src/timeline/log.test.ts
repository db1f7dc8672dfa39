import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  append,
  lastDiscontinuitySequence,
  MAX_ENTRIES,
  MAX_LOG_BYTES,
  newLog,
  nextMsn,
  openEpoch,
  removable,
  skipTo,
  type TimelineEntry,
  type TimelineLog,
  trim,
  withRungs,
} from './log.ts';

function emptyLog(): TimelineLog {
  return newLog({
    epoch: 1,
    targetDurationSeconds: 2,
    rungs: ['source', '360p'],
    firstMsn: 10,
    discontinuityBase: 3,
    numbers: { msnOffset: 0, discontinuityOffset: 0 },
  });
}

function entry(msn: number, changes: Partial<TimelineEntry> = {}): TimelineEntry {
  return {
    msn,
    epoch: 1,
    durationSeconds: 2,
    dateTime: null,
    discontinuity: false,
    gap: false,
    map: null,
    names: { source: `s/a.1/source/${msn}.0.ts`, '360p': `s/a.1/source/${msn}.0.ts` },
    ...changes,
  };
}

function logOf(count: number): TimelineLog {
  let log = emptyLog();
  for (let index = 0; index < count; index += 1) log = append(log, entry(10 + index));
  return log;
}

describe('append', () => {
  test.each([
    { name: 'a number that does not follow', bad: entry(12) },
    { name: 'a number that is listed', bad: entry(10) },
    { name: 'another epoch', bad: entry(11, { epoch: 2, discontinuity: true }) },
    { name: 'a segment that rounds to more than the target duration', bad: entry(11, { durationSeconds: 2.5 }) },
    { name: 'a segment without duration', bad: entry(11, { durationSeconds: 0 }) },
    { name: 'a duration that is no number', bad: entry(11, { durationSeconds: Number.NaN }) },
    { name: 'a rung without name', bad: entry(11, { names: { source: 'x' } }) },
    { name: 'a rung that the log does not have', bad: entry(11, { names: { source: 'x', '360p': 'x', other: 'x' } }) },
  ])('refuses $name', ({ bad }) => {
    expect(() => append(logOf(1), bad)).toThrow(expect.objectContaining({ code: 'TIMELINE_VIOLATION' }));
  });

  test('refuses a new epoch without discontinuity and takes one with it', () => {
    const log = openEpoch(logOf(2), { msnOffset: 12, discontinuityOffset: 4 });
    expect(() => append(log, entry(12, { epoch: 2 }))).toThrow('without a discontinuity');
    expect(append(log, entry(12, { epoch: 2, discontinuity: true })).entries).toHaveLength(3);
  });

  test('leaves the log that it was given as it was', () => {
    const log = logOf(1);
    append(log, entry(11));
    expect(log.entries).toHaveLength(1);
  });
});

describe('trim and skip', () => {
  test('count removed discontinuities and never lower a number', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), fc.nat(20), fc.nat(50), (breaks, count, ahead) => {
        let log = emptyLog();
        for (const discontinuity of breaks) log = append(log, entry(nextMsn(log), { discontinuity }));
        const cut = trim(log, Math.min(count, breaks.length));
        expect(nextMsn(cut)).toBe(nextMsn(log));
        expect(lastDiscontinuitySequence(cut)).toBe(lastDiscontinuitySequence(log));
        const skipped = skipTo(cut, nextMsn(cut) + ahead, lastDiscontinuitySequence(cut));
        expect(skipped.firstListedMsn).toBeGreaterThanOrEqual(nextMsn(log));
        expect(skipped.discontinuityBase).toBe(lastDiscontinuitySequence(log));
      }),
    );
  });

  test('refuse numbers that fall', () => {
    expect(() => skipTo(logOf(3), 12, 3)).toThrow('skip back');
    expect(() => skipTo(logOf(3), 13, 2)).toThrow('must not fall');
    expect(() => trim(logOf(3), 4)).toThrow('Cannot remove');
  });
});

describe('removable', () => {
  test('keeps a window of 12', () => {
    expect(removable(logOf(12), () => false)).toBe(0);
    expect(removable(logOf(15), () => false)).toBe(3);
  });

  test('removes what a viewer can no longer fetch, but leaves three target durations', () => {
    expect(removable(logOf(10), (one) => one.msn === 14)).toBe(5);
    expect(removable(logOf(10), () => true)).toBe(7);
    expect(removable(logOf(2), () => true)).toBe(0);
  });

  test('keeps a thousand at most of a source whose segments last next to nothing', () => {
    const entries = Array.from({ length: MAX_ENTRIES + 5 }, (_, index) => entry(10 + index, { durationSeconds: 1e-6 }));
    const log = { ...emptyLog(), entries };
    expect(removable(log, () => false)).toBe(5);
    expect(removable(trim(log, 5), () => false)).toBe(0);
  });

  test('are those that make a log longer than a message may be, even where too little film stays', () => {
    const names = { source: `https://origin/${'a'.repeat(150_000)}.ts` };
    const entries = logOf(20).entries.map((entry) => ({ ...entry, names }));
    const log = { ...logOf(20), targetDurationSeconds: 20, entries };
    const left = trim(
      log,
      removable(log, () => false),
    );
    expect(left.entries).toHaveLength(13);
    expect(Buffer.byteLength(JSON.stringify(left.entries))).toBeLessThan(MAX_LOG_BYTES + 100);
    expect(removable(left, () => false)).toBe(0);
  });
});

test('the ladder changes only while nothing is listed', () => {
  expect(withRungs(emptyLog(), ['source']).rungs).toEqual(['source']);
  expect(() => withRungs(logOf(1), ['source'])).toThrow('only while nothing is listed');
  expect(() => withRungs(emptyLog(), ['360p'])).toThrow('first rung');
});
