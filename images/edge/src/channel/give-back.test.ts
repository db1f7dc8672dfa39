import { expect, test } from '@jest/globals';
import { emptyLog, longerLog } from '../testing/log.ts';
import { givenBack } from './give-back.ts';

test.each([
  [0, 0],
  [6, 0],
  [7, 1],
  [12, 1],
] as const)('of %d segments %d is given back', (entries, expected) => {
  let log = emptyLog();
  while (log.entries.length < entries) log = longerLog(log);
  expect(givenBack(log)).toBe(expected);
});

test('segments that are far shorter than the target duration stay until there is enough to play', () => {
  let log = { ...emptyLog(), targetDurationSeconds: 6 };
  while (log.entries.length < 9) log = longerLog(log);
  expect(givenBack(log)).toBe(0);
  expect(givenBack(longerLog(log))).toBe(1);
});
