import { describe, expect, test } from '@jest/globals';
import type { ColdStart } from './cold-start.ts';
import { coldStartRows, growthTable, steadyRows } from './tables.ts';

function startOf(channels: number): ColdStart {
  return {
    channels,
    seconds: 24,
    machine: {
      operator: { byProgram: { etcd: 2, operator: 8 }, busySeconds: 12, possibleSeconds: 48 },
      bare: { byProgram: { etcd: 3 }, busySeconds: 4, possibleSeconds: 8 },
    },
    usage: { cpuSeconds: 8, residentBytes: 100e6, anonymousBytes: 0, peakBytes: 150e6 },
    writes: { channelStatuses: 3000, sessionStatuses: 600, events: 400 },
    bare: { seconds: 30, cpuSeconds: 6 },
  };
}

describe('what is printed of an operator', () => {
  test('shows each figure of a cold start beside its goal and the bare client', () => {
    const cells = coldStartRows(startOf(1000)).map(({ measured, reference }) => `${measured}: ${reference}`);
    expect(cells).toEqual([
      '24.0 s: goal 30 s; bare client with the same writes 30.0 s',
      '0.80: goal 1.3',
      '150 MB: goal 220 MB; afterwards 100 MB',
      '2.00 ms: bare client 1.50 ms',
      '25 % busy; CPU s: operator 8.0, etcd 2.0, all else 2.0: bare client: 50 % busy; CPU s: etcd 3.0, all else 1.0',
    ]);
  });

  test('names no goal where there is none', () => {
    expect(coldStartRows(startOf(100)).map(({ reference }) => reference)).not.toContainEqual(
      expect.stringMatching(/goal \d+ (s|MB)/),
    );
  });

  test('adds up the writes of a steady state', () => {
    const steady = {
      channels: 1000,
      cpuShare: 0.042,
      apiServerCpuShare: 0.3,
      writes: { channelStatuses: 10, otherPatches: 6, posts: 3, deletes: 1 },
      residentBytes: 140e6,
      decisionMilliseconds: [1, 2, 3],
    };
    const [cpu, writes] = steadyRows(steady, startOf(1000));
    expect(cpu?.reference).toBe(
      'goal 5 %; bare client for as many writes 3.0 % of a core; API server meanwhile 30.0 % of a core',
    );
    expect([cpu?.measured, writes?.measured]).toEqual(['4.2 % of a core', '20.0 /s']);
  });

  test('grows by a line for each number of Channels, as wide as its titles', () => {
    const lines = growthTable([startOf(100), startOf(1000)]).split('\n');
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1);
    expect(lines[3]).toContain('| 24.0 (30) | 30.0 | 0.80 | 150 (220) |');
  });
});
