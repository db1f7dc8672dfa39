import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareResourceVersions } from './resource-version.ts';

describe('compareResourceVersions', () => {
  test('orders as the numbers do, of any length', () => {
    const version = fc.bigInt({ min: 0n, max: 10n ** 40n });
    fc.assert(
      fc.property(version, version, (left, right) => {
        const order = compareResourceVersions(String(left), String(right));
        expect(Math.sign(order)).toBe(left < right ? -1 : Number(left > right));
      }),
    );
  });

  test.each(['', '01', '-1', '1.5', '1e3', 'abc', ' 1'])('refuses "%s"', (text) => {
    expect(() => compareResourceVersions(text, '1')).toThrow(RangeError);
    expect(() => compareResourceVersions('1', text)).toThrow(RangeError);
  });
});
