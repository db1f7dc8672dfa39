import { expect, test } from '@jest/globals';
import { leaveMessage } from './leave-message.ts';

test.each([
  [0, 0, 0],
  [0.5, 0, 0.5],
  [0.5, 9.9, 0.5],
  [0.07, 20, 0.09],
  [3, 4_567.8, 7.56],
])('a goodbye of %d s ago that has waited for %d ms is told as %d s old', (secondsAgo, waitedMs, told) => {
  const ids = ['0'.repeat(16)];
  expect(leaveMessage({ uid: 'c1', ids, secondsAgo }, waitedMs)).toEqual({
    type: 'leave',
    uid: 'c1',
    ids,
    secondsAgo: told,
  });
});
