import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { sourceSegment } from '../container/container.ts';
import { TRANSPORT_STREAM } from '../container/mpegts.ts';
import type { EncoderChoice } from '../ffmpeg/trial.ts';
import { Feeder } from './feeder.ts';

const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };
const SEGMENT = sourceSegment(1, 7, 480, TRANSPORT_STREAM, {
  bytes: new Uint8Array(188),
  boundary: { msn: 7, videoPts: 0, audioPts: null, videoFrames: 50 },
  reorderTicks: 0,
  hasAudio: false,
});

let folder = '';
/** A program in FFmpeg's place that works on the CPU and dies on the GPU, as FFmpeg does when a driver has gone. */
let ffmpegPath = '';
let feeder: Feeder | null = null;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'feeder-'));
  ffmpegPath = join(folder, 'ffmpeg');
  const script = `#!/bin/sh
case "$*" in
  *h264_nvenc*) echo 'OpenEncodeSessionEx failed: out of memory (10)' >&2; exit 1 ;;
  *) exec cat >/dev/null ;;
esac
`;
  writeFileSync(ffmpegPath, script);
  chmodSync(ffmpegPath, 0o755);
});
afterEach(async () => feeder?.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeFeeder(choice: EncoderChoice, encoders: string[], interrupted: () => void): Feeder {
  return new Feeder({
    ffmpegPath,
    forceKillMs: 5000,
    job: { rungs: [RUNG], encoders, preset: 'veryfast' },
    choice,
    now: () => 0,
    random: () => 0,
    log: createLogger({ name: 'test', level: 'silent' }),
    listeners: { broken: () => undefined, forceKilled: () => undefined, segment: () => undefined },
    interrupted,
  });
}

/** Feeds the same segment until `runs` runs have broken off. @returns the choice after each */
async function choicesAfter(runs: number, encoders: string[]): Promise<readonly EncoderChoice[]> {
  const choices: EncoderChoice[] = [];
  let broken = Promise.withResolvers<void>();
  const made = makeFeeder({ encoder: 'h264_nvenc', refused: [] }, encoders, () => broken.resolve());
  feeder = made;
  for (let run = 0; run < runs; run++) {
    await made.take(SEGMENT, false, 2);
    await broken.promise;
    broken = Promise.withResolvers();
    choices.push(made.choice);
  }
  return choices;
}

describe('a GPU that passed its trial and breaks down at work', () => {
  test('is left for the CPU after the second failure in a row, with its last words', async () => {
    const [first, second] = await choicesAfter(2, ['h264_nvenc', 'libx264']);
    expect(first).toEqual({ encoder: 'h264_nvenc', refused: [] });
    expect(second).toEqual({
      encoder: 'libx264',
      refused: ['h264_nvenc: FFmpeg ended with code 1: OpenEncodeSessionEx failed: out of memory (10)'],
    });
    expect(feeder?.hasGivenUp).toBe(false);
    await feeder?.take(SEGMENT, false, 2);
    expect(feeder?.run).not.toBeNull();
  });

  test('is given up as a whole where the job allows nothing else', async () => {
    const choices = await choicesAfter(5, ['h264_nvenc']);
    expect(choices.at(-1)?.encoder).toBe('h264_nvenc');
    expect(feeder?.hasGivenUp).toBe(true);
  });
});

test('a source that pauses ends its run in order, and another one begins with what comes then', async () => {
  const interrupted: string[] = [];
  const made = makeFeeder({ encoder: 'libx264', refused: [] }, ['libx264'], () => interrupted.push('interrupted'));
  feeder = made;
  await made.take(SEGMENT, false, 2);
  const first = made.run;
  expect(first).not.toBeNull();
  await made.finish();
  expect(made.run).toBeNull();
  expect(await first?.ended).toBeNull();
  expect({ interrupted, waitMs: made.waitMs(), message: made.message }).toEqual({
    interrupted: [],
    waitMs: 0,
    message: '',
  });
  // Nothing runs: there is nothing to end.
  await made.finish();
  await made.take(SEGMENT, false, 2);
  expect(made.run).not.toBeNull();
  expect(made.run).not.toBe(first);
});
