import { describe, expect, test } from '@jest/globals';
import type { ColdStart } from './cold-start.ts';
import { coldStartRows, growthTable, steadyRows } from './tables.ts';

function startOf(channels: number): ColdStart {
  const writes = { channelStatuses: 3000, sessionStatuses: 600, events: 400 };
  const usage = { cpuSeconds: 8, residentBytes: 100e6, anonymousBytes: 0, peakBytes: 150e6 };
  const ofOperator = { byProgram: { etcd: 2, operator: 8 }, busySeconds: 12, possibleSeconds: 48 };
  const ofBare = { byProgram: { etcd: 3 }, busySeconds: 4, possibleSeconds: 8 };
  return {
    channels,
    operator: [
      { seconds: 24, machine: ofOperator, usage, writes },
      { seconds: 21, machine: ofOperator, usage: { ...usage, peakBytes: 140e6 }, writes },
    ],
    bare: [
      { seconds: 20, cpuSeconds: 7, machine: ofBare },
      { seconds: 10, cpuSeconds: 5, machine: ofBare },
    ],
  };
}

describe('what is printed of an operator', () => {
  test('shows each figure of a cold start beside its goal and the bare client', () => {
    const cells = coldStartRows(startOf(1000)).map(({ measured, reference }) => `${measured}: ${reference}`);
    expect(cells).toEqual([
      '24.0 and 21.0 s: goal 30 s; bare client with the same writes 20.0 and 10.0 s',
      '1.50 (1.20 to 2.10): goal 1.3',
      '150 MB: goal 220 MB; afterwards 100 MB and 100 MB',
      '2.00 ms: bare client 1.50 ms',
      '25 % busy; CPU s: operator 8.0, etcd 2.0, all else 2.0: bare client: 50 % busy; CPU s: etcd 3.0, all else 1.0',
      '25 % busy; CPU s: operator 8.0, etcd 2.0, all else 2.0: bare client: 50 % busy; CPU s: etcd 3.0, all else 1.0',
    ]);
  });

  test('shows one ratio where one start was measured', () => {
    const { operator, bare } = startOf(1000);
    const once = { channels: 1000, operator: operator.slice(0, 1), bare: bare.slice(0, 1) };
    expect(coldStartRows(once)[1]?.measured).toBe('1.20');
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
    expect(lines[3]).toContain('| 24.0 and 21.0 (30) | 20.0 and 10.0 | 1.50 (1.20 to 2.10) | 150 (220) |');
  });
});
