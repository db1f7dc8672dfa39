import { describe, expect, test } from '@jest/globals';
import { type Counters, LoadMeter } from './meter.ts';

interface Case {
  readonly name: string;
  /** Five seconds apart. */
  readonly counters: readonly (readonly [egressBytes: number | null, requests: number | null])[];
  readonly expected: object;
}

const CASES: readonly Case[] = [
  { name: 'knows nothing at first', counters: [], expected: { egressBitsPerSecond: null, requestsPerSecond: null } },
  {
    name: 'knows nothing by one look',
    counters: [[5000, 3]],
    expected: { egressBitsPerSecond: null, requestsPerSecond: null },
  },
  {
    name: 'takes the growth between two',
    counters: [
      [1000, 10],
      [6000, 20],
    ],
    expected: { egressBitsPerSecond: 8000, requestsPerSecond: 2 },
  },
  {
    name: 'evens out bursts over 15 s, and forgets what is older',
    counters: [
      [0, 0],
      [900_000, 100],
      [900_000, 100],
      [903_000, 115],
      [906_000, 130],
    ],
    expected: { egressBitsPerSecond: 3200, requestsPerSecond: 2 },
  },
  {
    name: 'begins anew where nginx has, and the pod goes on',
    counters: [
      [0, 500],
      [1000, 600],
      [2000, 5],
      [3000, 15],
    ],
    expected: { egressBitsPerSecond: 1600, requestsPerSecond: 2 },
  },
  {
    name: 'knows nothing while a counter cannot be read, and zero where nothing happens',
    counters: [
      [1000, 1],
      [1000, null],
    ],
    expected: { egressBitsPerSecond: 0, requestsPerSecond: null },
  },
  {
    name: 'does not count over a gap',
    counters: [
      [0, 0],
      [null, null],
      [9000, 90],
      [9000, 95],
    ],
    expected: { egressBitsPerSecond: 0, requestsPerSecond: 1 },
  },
];

describe('the meter', () => {
  test.each(CASES)('$name', ({ counters, expected }) => {
    const meter = new LoadMeter();
    for (const [index, [egressBytes, requests]] of counters.entries()) {
      const read: Counters = { egressBytes, requests };
      meter.take(index * 5000, read);
    }
    expect(meter.load).toEqual(expected);
  });
});
