import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chooseEncoder } from './trial.ts';

const RUNGS = [720, 360].map((height) => ({
  name: `${height}p`,
  height,
  bitrateBps: 1_000_000,
  audioBitrateBps: 128_000,
}));

let folder = '';
let ffmpegPath = '';

/** A program that answers like an FFmpeg on a GPU that allows one encode at a time, and like one without a render node. */
const SCRIPT = `#!/bin/sh
case "$*" in
  *-encoders*) printf 'Encoders:\\n ------\\n'
    for name in libx264 h264_nvenc h264_vaapi; do echo " V....D $name  H.264"; done ;;
  *h264_nvenc*h264_nvenc*) echo '[h264_nvenc @ 0x55d0] OpenEncodeSessionEx failed: out of memory (10)' >&2; exit 1 ;;
  *h264_vaapi*) exit 1 ;;
  *libx264*libx264*) echo 'one rung is enough on a CPU' >&2; exit 1 ;;
esac
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trial-'));
  ffmpegPath = join(folder, 'ffmpeg');
  writeFileSync(ffmpegPath, SCRIPT);
  chmodSync(ffmpegPath, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the choice of an encoder', () => {
  test('tries a GPU with the whole ladder, passes over what does not work, and says why', async () => {
    const encoders = ['h264_nvenc', 'h264_vaapi', 'h264_qsv', 'mpeg2video', 'libx264'];
    expect(await chooseEncoder(ffmpegPath, { rungs: RUNGS, encoders, preset: 'veryfast' })).toEqual({
      encoder: 'libx264',
      refused: [
        'h264_nvenc: OpenEncodeSessionEx failed: out of memory (10)',
        'h264_vaapi: FFmpeg gives no reason',
        'h264_qsv: not in this FFmpeg',
        'mpeg2video: the agent does not know it',
      ],
    });
  });

  test('takes the GPU where the ladder fits', async () => {
    const job = { rungs: RUNGS.slice(0, 1), encoders: ['h264_nvenc', 'libx264'], preset: 'veryfast' };
    expect(await chooseEncoder(ffmpegPath, job)).toEqual({ encoder: 'h264_nvenc', refused: [] });
  });

  test('fails with every reason where nothing works', async () => {
    const job = { rungs: RUNGS, encoders: ['h264_nvenc', 'h264_vaapi'], preset: 'veryfast' };
    await expect(chooseEncoder(ffmpegPath, job)).rejects.toMatchObject({
      code: 'NO_ENCODER',
      message: expect.stringContaining('h264_nvenc: OpenEncodeSessionEx failed'),
    });
  });
});
