import { expect, test } from '@jest/globals';
import { quantityOf } from './quantity.ts';

test.each([
  ['500m', 0.5],
  ['1Ki', 1024],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['2E', 2e18],
  ['1e3', 1000],
  ['-1', -1],
])('%s is %d', (text, number) => expect(quantityOf(text)).toBe(number));

test.each(['', 'Gi', '1gi', '1..5', '1 Gi', '1toString'])('"%s" is no quantity', (text) => {
  expect(() => quantityOf(text)).toThrow(RangeError);
});
