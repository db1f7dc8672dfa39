import { describe, expect, test } from '@jest/globals';
import { emptyLog, longerLog } from '../testing/log.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { updateSince } from '../timeline/replica.ts';
import { LogCopy } from './copy.ts';

function logOf(count: number, mark = 'a'): TimelineLog {
  let log = emptyLog();
  for (let index = 0; index < count; index += 1) log = longerLog(log, `s/u.1/source/${mark}${index}.0.ts`);
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
