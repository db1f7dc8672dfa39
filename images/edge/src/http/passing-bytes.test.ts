import { expect, test } from '@jest/globals';
import { PassingBytes } from './passing-bytes.ts';

const MEBIBYTE = 2 ** 20;

test('segments that pass are counted once for all their viewers, and given back with the last one', () => {
  const passing = new PassingBytes();
  const [one, other] = [new Uint8Array(40 * MEBIBYTE), new Uint8Array(40 * MEBIBYTE)];
  const ends = Array.from({ length: 100 }, () => passing.begin(one));
  expect(() => passing.begin(other)).toThrow('try again');
  for (const end of ends.splice(1)) end();
  expect(() => passing.begin(other)).toThrow('try again');
  ends[0]?.();
  passing.begin(other)();
});

test('a segment that is bigger than all that may pass does so alone', () => {
  const passing = new PassingBytes();
  const end = passing.begin(new Uint8Array(65 * MEBIBYTE));
  expect(() => passing.begin(new Uint8Array(1))).toThrow('try again');
  end();
  passing.begin(new Uint8Array(1));
});
