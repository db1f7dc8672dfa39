import { describe, expect, test } from '@jest/globals';
import { createProgress, durationText } from './progress.ts';

describe('durationText', () => {
  test.each([
    [0.04, '0 s'],
    [0.449, '0.4 s'],
    [9.94, '9.9 s'],
    [12.4, '12 s'],
    [119, '119 s'],
    [120, '2 min'],
    [529, '8 min 49 s'],
  ])('%d s reads %s', (seconds, text) => expect(durationText(seconds)).toBe(text));
});

describe('a step', () => {
  function recorder() {
    const lines: string[] = [];
    let time = 0;
    const progress = createProgress(
      (line) => lines.push(line),
      () => time,
    );
    return { lines, progress, pass: (milliseconds: number) => (time += milliseconds) };
  }

  test('says before how long it usually takes and after how long it took', async () => {
    const { lines, progress, pass } = recorder();
    const result = await progress.step('build', 90, async () => pass(61_000));
    expect(result).toBe(61_000);
    expect(lines).toEqual(['  build (usually 90 s) ...', '  build: 61 s']);
  });

  test('that is over at once is one line', async () => {
    const { lines, progress } = recorder();
    await progress.step('look', 1, async () => 1);
    expect(lines).toEqual(['  look: 0 s']);
  });

  test('that fails says so and passes the error on', async () => {
    const { lines, progress } = recorder();
    await expect(progress.step('build', 1, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual(['  build: FAILED after 0 s']);
  });
});
