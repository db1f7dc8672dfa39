import { expect, test } from '@jest/globals';
import { parseMachineTime, parseStat, parseUsage } from './process-usage.ts';

test('the usage of a process is read whatever it is called', () => {
  const stat = '42 (op (erator) x) S 1 43 42 0 -1 4194304 900 0 0 0 1234 66 0 0 20 0 11 0 100 1000 200';
  expect(parseStat(stat)).toEqual({ group: 43, cpuSeconds: 13 });
  const status = 'Name:\top\nVmHWM:\t  153600 kB\nVmRSS:\t  102400 kB\nRssAnon:\t  51200 kB\n';
  expect(parseUsage(stat, status)).toEqual({
    cpuSeconds: 13,
    residentBytes: 104_857_600,
    anonymousBytes: 52_428_800,
    peakBytes: 157_286_400,
  });
});

test('the time of a machine is that of its programs, without what it idled or waited for a disk', () => {
  const stat = 'cpu  100 20 30 99999 500 5 6 0 0 0\ncpu0 50 10 15 49999 250 2 3 0 0 0\nintr 1\n';
  expect(parseMachineTime(stat)).toBe(1.61);
});
