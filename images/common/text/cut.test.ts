import { expect, test } from '@jest/globals';
import { cutText } from './cut.ts';

test.each<[string, number, string | undefined, string]>([
  ['', 3, undefined, ''],
  ['abc', 3, '…', 'abc'],
  ['abcd', 3, undefined, 'abc'],
  ['abcd', 3, '…', 'ab…'],
  // Half of a character beyond the first plane is none.
  ['ab😀', 3, undefined, 'ab\uFFFD'],
])('%j in %d characters, marked %j, is %j', (text, length, mark, expected) => {
  expect(cutText(text, length, mark)).toBe(expected);
});
