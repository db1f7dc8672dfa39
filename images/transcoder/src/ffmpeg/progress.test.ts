import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HangWatch } from './hang.ts';
import type { Progress } from './progress.ts';
import { ProgressReader } from './progress.ts';

const TEXT = [
  'frame=0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n',
  'frame=48\nbitrate= 712.9kbits/s\nout_time_us=10105867000\nout_time=02:48:25.867000\nspeed=1.01x\nprogress=continue\n',
  'out_time_us=10107000000\nprogress=end\n',
].join('');

describe('ProgressReader', () => {
  test('tells each block, however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (lengths) => {
        const told: Progress[] = [];
        const reader = new ProgressReader((progress) => told.push(progress));
        for (let offset = 0, piece = 0; offset < TEXT.length; piece++) {
          const length = lengths[piece % lengths.length] ?? 1;
          reader.push(TEXT.slice(offset, offset + length));
          offset += length;
        }
        expect(told.map((progress) => progress.outTimeSeconds)).toEqual([null, 10_105.867, 10_107]);
      }),
    );
  });

  test('text without an end of line is not kept', () => {
    const told: Progress[] = [];
    const reader = new ProgressReader((progress) => told.push(progress));
    for (let i = 0; i < 100; i++) reader.push('x'.repeat(1000));
    reader.push('\nout_time_us=5000000\nprogress=continue\n');
    expect(told).toEqual([{ outTimeSeconds: 5 }]);
  });
});

describe('HangWatch', () => {
  test('input without growth for the limit is a hang; the limit is 10 s or three target durations', () => {
    for (const [targetDuration, limitMs] of [
      [2, 10_000],
      [6, 18_000],
    ] as const) {
      const watch = new HangWatch(targetDuration);
      watch.fed(1000);
      expect(watch.isHung(1000 + limitMs)).toBe(false);
      expect(watch.isHung(1001 + limitMs)).toBe(true);
    }
  });

  test('without input silence is no hang', () => {
    const watch = new HangWatch(2);
    expect(watch.isHung(1e9)).toBe(false);
    watch.fed(0);
    watch.progressed(1);
    expect(watch.isHung(1e9)).toBe(false);
  });

  test('a progress line that does not grow is no progress', () => {
    const watch = new HangWatch(2);
    watch.progressed(5);
    watch.fed(0);
    watch.progressed(5);
    watch.progressed(null);
    expect(watch.isHung(10_001)).toBe(true);
    watch.progressed(5.04);
    expect(watch.isHung(10_001)).toBe(false);
  });

  test('further input does not put the limit off', () => {
    const watch = new HangWatch(2);
    for (let now = 0; now <= 10_000; now += 2000) watch.fed(now);
    expect(watch.isHung(10_001)).toBe(true);
  });
});
