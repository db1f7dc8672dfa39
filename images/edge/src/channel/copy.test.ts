import { describe, expect, test } from '@jest/globals';
import { append, newLog, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { updateSince } from '../timeline/replica.ts';
import { LogCopy } from './copy.ts';

function logOf(count: number, mark = 'a'): TimelineLog {
  const numbers = { msnOffset: 0, discontinuityOffset: 0 };
  let log = newLog({
    epoch: 1,
    targetDurationSeconds: 2,
    rungs: ['source'],
    firstMsn: 1,
    discontinuityBase: 0,
    numbers,
  });
  for (let index = 0; index < count; index += 1) {
    const entry = { epoch: 1, durationSeconds: 2, dateTime: null, discontinuity: false, gap: false, map: null };
    log = append(log, { ...entry, msn: nextMsn(log), names: { source: `s/u.1/source/${mark}${index}.0.ts` } });
  }
  return log;
}

describe('the copy of a timeline', () => {
  test('refuses terms below the highest that it has seen', () => {
    const copy = new LogCopy(null, 3);
    expect([copy.raise(3), copy.raise(5), copy.raise(4), copy.raise(5)]).toEqual([true, true, false, true]);
    expect(copy.term).toBe(5);
  });

  test('asks for everything when an update contradicts it, and takes the answer in its place', () => {
    const copy = new LogCopy({ log: logOf(4), known: [] }, 1);
    copy.begin();
    expect(copy.take(updateSince(logOf(4), copy.position), [])).toEqual({ kind: 'taken' });
    expect(copy.take(updateSince(logOf(5, 'b'), null), [])).toEqual({ kind: 'again' });
    expect(copy.position).toBeNull();
    copy.begin();
    expect(copy.take(updateSince(logOf(5, 'b'), copy.position), [])).toMatchObject({ kind: 'replaced' });
    expect(copy.log).toEqual(logOf(5, 'b'));
  });

  test('begins anew where the owner has lost numbers that it had', () => {
    const copy = new LogCopy({ log: logOf(6), known: [] }, 1);
    copy.begin();
    expect(copy.take(updateSince(logOf(2), null), [])).toMatchObject({ kind: 'replaced' });
    expect(copy.take(updateSince(logOf(1), null), [])).toEqual({ kind: 'old' });
    expect(copy.log).toEqual(logOf(2));
  });
});
