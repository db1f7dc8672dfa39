import { describe, expect, test } from '@jest/globals';
import { ResourceWatch } from './resource-watch.ts';

const MB = 1_000_000;
const THRESHOLDS = { cpuPercent: 80, afterMs: 30_000, memoryBytes: null };

describe('the watch over what an encoder uses', () => {
  test('warns once of a CPU that stays busy, and again after it was idle', () => {
    const watch = new ResourceWatch({ cores: 2, memoryBytes: null }, THRESHOLDS);
    const at = (seconds: number, cpuPercent: number) =>
      watch.update({ cpuPercent, memoryBytes: 9000 * MB }, seconds * 1000);
    expect(at(0, 190)).toBeNull();
    expect(at(29, 190)).toBeNull();
    expect(at(30, 190)).toContain('FFmpeg has used 1.9 of 2 cores for 30 s');
    expect(at(90, 190)).toBeNull();
    expect(at(92, 100)).toBeNull();
    expect(at(94, 160)).toBeNull();
    expect(at(124, 160)).toContain('1.6 of 2 cores');
  });

  test('does not take a hard scene for a busy encoder', () => {
    const watch = new ResourceWatch({ cores: 1, memoryBytes: null }, THRESHOLDS);
    for (let seconds = 0; seconds < 120; seconds += 2) {
      const cpuPercent = seconds % 20 === 0 ? 50 : 100;
      expect(watch.update({ cpuPercent, memoryBytes: null }, seconds * 1000)).toBeNull();
    }
  });

  test('warns at once and once of memory near the limit', () => {
    const watch = new ResourceWatch({ cores: 1, memoryBytes: 1000 * MB }, THRESHOLDS);
    const uses = (megabytes: number) => watch.update({ cpuPercent: 10, memoryBytes: megabytes * MB }, 0);
    expect([uses(700), uses(800), uses(900), uses(700), uses(810)].map((warning) => warning?.slice(0, 25))).toEqual([
      undefined,
      'FFmpeg uses 800 MB of 100',
      undefined,
      undefined,
      'FFmpeg uses 810 MB of 100',
    ]);
  });

  test('has other thresholds where it is told so, also of memory in a pod without a limit', () => {
    const watch = new ResourceWatch(
      { cores: 1, memoryBytes: null },
      { cpuPercent: 50, afterMs: 0, memoryBytes: 500 * MB },
    );
    expect(watch.update({ cpuPercent: 49, memoryBytes: 499 * MB }, 0)).toBeNull();
    expect(watch.update({ cpuPercent: 50, memoryBytes: 499 * MB }, 0)).toContain('0.5 of 1 cores');
    expect(watch.update({ cpuPercent: 50, memoryBytes: 500 * MB }, 0)).toContain(
      'uses 500 MB of memory; the threshold',
    );
  });

  test('says nothing of what cannot be measured', () => {
    const watch = new ResourceWatch({ cores: 1, memoryBytes: 1000 }, THRESHOLDS);
    expect(watch.update({ cpuPercent: null, memoryBytes: null }, 0)).toBeNull();
  });
});
