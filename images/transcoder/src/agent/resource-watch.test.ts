import { describe, expect, test } from '@jest/globals';
import { ResourceWatch } from './resource-watch.ts';

const MB = 1_000_000;

describe('the watch over what an encoder uses', () => {
  test('warns once of a CPU that stays busy, and again after it was idle', () => {
    const watch = new ResourceWatch({ cores: 2, memoryBytes: null });
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
    const watch = new ResourceWatch({ cores: 1, memoryBytes: null });
    for (let seconds = 0; seconds < 120; seconds += 2) {
      const cpuPercent = seconds % 20 === 0 ? 50 : 100;
      expect(watch.update({ cpuPercent, memoryBytes: null }, seconds * 1000)).toBeNull();
    }
  });

  test('warns at once and once of memory near the limit', () => {
    const watch = new ResourceWatch({ cores: 1, memoryBytes: 1000 * MB });
    const uses = (megabytes: number) => watch.update({ cpuPercent: 10, memoryBytes: megabytes * MB }, 0);
    expect([uses(700), uses(800), uses(900), uses(700), uses(810)].map((warning) => warning?.slice(0, 25))).toEqual([
      undefined,
      'FFmpeg uses 800 MB of 100',
      undefined,
      undefined,
      'FFmpeg uses 810 MB of 100',
    ]);
  });

  test('says nothing of what cannot be measured', () => {
    const watch = new ResourceWatch({ cores: 1, memoryBytes: 1000 });
    expect(watch.update({ cpuPercent: null, memoryBytes: null }, 0)).toBeNull();
  });
});
