import { describe, expect, test } from '@jest/globals';
import { box, makeInit } from './file.testing.ts';
import { inSample, parameterSetsOf } from './parameter-sets.ts';

const SEQUENCE = [0x67, 0x4d, 0x40, 0x0c, 0xec];
const PICTURE = [0x68, 0xce];
const OTHER_PICTURE = [0x68, 0x04, 0x0e];

const initWith = (configuration: readonly number[]) => makeInit({ video: ['avc1', box('avcC', configuration)] });

/** `avcC` up to its parameter sets (ISO/IEC 14496-15 5.3.3.1): lengths of `lengthBytes`. */
const head = (lengthBytes: number) => [1, 0x4d, 0x40, 0x0c, 0xfc | (lengthBytes - 1)];
const listed = (unit: readonly number[]) => [0, unit.length, ...unit];

describe('the parameter sets of an initialization section', () => {
  test.each([1, 2, 4])('are read, sequence first, with the %d bytes of their lengths in samples', (lengthBytes) => {
    const sets = [0xe1, ...listed(SEQUENCE), 2, ...listed(PICTURE), ...listed(OTHER_PICTURE)];
    const read = parameterSetsOf(initWith([...head(lengthBytes), ...sets]));
    expect(read.units.map((unit) => [...unit])).toEqual([SEQUENCE, PICTURE, OTHER_PICTURE]);
    expect(read.names).toEqual(['sequence 0', 'picture 0', 'picture 31']);
    expect(read.lengthBytes).toBe(lengthBytes);
  });

  test.each([
    ['H.264 that has them in its samples', makeInit()],
    ['another codec', makeInit({ video: ['hvc1', box('hvcC', new Uint8Array(23))] })],
  ])('are none of %s', (_what, init) => {
    expect(parameterSetsOf(init)).toEqual({ units: [], names: [], lengthBytes: 4 });
  });

  test.each([
    ['no video', makeInit({ video: null }), /no video track/],
    ['a configuration that ends early', initWith(head(4)), /avcC/],
    ['a set that is longer than its box', initWith([...head(4), 0xe1, 0, 9, 0x67]), /cut off/],
    ['a set without a number', initWith([...head(4), 0xe1, ...listed([0x67, 1, 2, 3]), 0]), /too early/],
    ['an empty set', initWith([...head(4), 0xe1, 0, 0, 0]), /cut off/],
  ])('are an error of bytes with %s', (_what, init, message) => {
    expect(() => parameterSetsOf(init)).toThrow(message);
  });

  test('stand in a sample each behind its length', () => {
    const units = [SEQUENCE, PICTURE].map((unit) => Uint8Array.from(unit));
    expect([...inSample(units, 2)]).toEqual([0, 5, ...SEQUENCE, 0, 2, ...PICTURE]);
    expect(inSample([], 4)).toHaveLength(0);
  });
});
