import { describe, expect, test } from '@jest/globals';
import { TRANSPORT_STREAM } from '../container/mpegts.ts';
import type { EncoderJob, SourceFacts } from './command.ts';
import { encodeArguments, trialArguments } from './command.ts';

const JOB: EncoderJob = {
  rungs: [
    { name: '720p', height: 720, bitrateBps: 2_500_000, audioBitrateBps: 128_000 },
    { name: '360p', height: 360, bitrateBps: 600_000, audioBitrateBps: 128_000 },
  ],
  encoder: 'libx264',
  preset: 'veryfast',
};
/** A source of 1080 lines in MPEG-TS, with audio and a delay of two frames, unless said otherwise. */
function transportStream(of: { height?: number; reorderTicks?: number; hasAudio?: boolean } = {}): SourceFacts {
  const { height = 1080, reorderTicks = 7200, hasAudio = true } = of;
  const boundary = { msn: 1, videoPts: 0, audioPts: null, videoFrames: 1 };
  return { height, options: TRANSPORT_STREAM.options({ boundary, bytes: new Uint8Array(0), reorderTicks, hasAudio }) };
}
const SOURCE = transportStream();

/** The value behind each occurrence of an option. */
function valuesOf(argv: readonly string[], option: string): readonly (string | undefined)[] {
  return argv.flatMap((word, index) => (word === option ? [argv[index + 1]] : []));
}

describe('the command of an encoder run', () => {
  const argv = encodeArguments(JOB, SOURCE);

  test("keeps the source's timeline in every rung", () => {
    const options: readonly [string, string][] = [
      ['-force_key_frames', 'source'],
      ['-fps_mode', 'passthrough'],
      ['-enc_time_base', '1:90000'],
      ['-bsf:v', 'setts=dts=DTS-7200'],
      ['-c:a', 'copy'],
      ['-bf', '0'],
      ['-sc_threshold', '0'],
    ];
    for (const [option, value] of options) expect([option, valuesOf(argv, option)]).toEqual([option, [value, value]]);
    expect(argv.indexOf('-copyts')).toBeLessThan(argv.indexOf('-i'));
  });

  test('splits once, scales each part with square pixels, and writes one MPEG-TS per rung to its own descriptor', () => {
    expect(valuesOf(argv, '-filter_complex')).toEqual([
      [
        '[0:v:0]split=2[part0][part1]',
        '[part0]scale=w=2*round(720*dar/2):h=720[scaled0]',
        '[scaled0]setsar=1[square0]',
        '[square0]format=yuv420p[out0]',
        '[part1]scale=w=2*round(360*dar/2):h=360[scaled1]',
        '[scaled1]setsar=1[square1]',
        '[square1]format=yuv420p[out1]',
      ].join(';'),
    ]);
    expect(valuesOf(argv, '-map')).toEqual(['[out0]', '0:a:0', '[out1]', '0:a:0']);
    expect(argv.filter((word) => word.startsWith('pipe:'))).toEqual(['pipe:1', 'pipe:0', 'pipe:3', 'pipe:4']);
    expect(argv.at(-1)).toBe('pipe:4');
  });

  test('caps the bitrate of each rung over one second', () => {
    expect(valuesOf(argv, '-maxrate')).toEqual(['2500000', '600000']);
    expect(valuesOf(argv, '-bufsize')).toEqual(['2500000', '600000']);
  });

  test('a rung is never higher than the source, and even', () => {
    const small = encodeArguments(JOB, transportStream({ height: 405 }));
    expect(valuesOf(small, '-filter_complex')[0]).toContain('scale=w=2*round(404*dar/2):h=404');
    expect(valuesOf(small, '-filter_complex')[0]).toContain('h=360');
  });

  test('a source without audio has none mapped, and one without B-frames needs no shift', () => {
    const plain = encodeArguments(JOB, transportStream({ hasAudio: false, reorderTicks: 0 }));
    expect(valuesOf(plain, '-map')).toEqual(['[out0]', '[out1]']);
    expect(plain).not.toContain('-c:a');
    expect(plain).not.toContain('-bsf:v');
  });

  test('a trial takes ten frames through the same encoder options to nowhere', () => {
    const trial = trialArguments('h264_nvenc', 'veryfast', JOB.rungs);
    expect(valuesOf(trial, '-frames:v')).toEqual(['10', '10']);
    expect(valuesOf(trial, '-i')).toEqual(['testsrc2=size=1280x720:rate=30']);
    expect(valuesOf(trial, '-c:v')).toEqual(['h264_nvenc', 'h264_nvenc']);
    expect(valuesOf(trial, '-maxrate')).toEqual(valuesOf(argv, '-maxrate'));
    expect(trial.slice(-3)).toEqual(['-f', 'null', '-']);
  });

  test('VAAPI opens its device first, and takes its pictures into the memory of the GPU', () => {
    for (const words of [
      encodeArguments({ ...JOB, encoder: 'h264_vaapi' }, SOURCE),
      trialArguments('h264_vaapi', 'veryfast', JOB.rungs),
    ]) {
      expect(words.indexOf('-init_hw_device')).toBeGreaterThan(-1);
      expect(words.indexOf('-init_hw_device')).toBeLessThan(words.indexOf('-i'));
      expect(valuesOf(words, '-filter_complex')[0]).toContain(
        '[square1]format=nv12[format1.1];[format1.1]hwupload[out1]',
      );
    }
  });

  test.each([
    ['libx264', ['1', '1']],
    ['h264_nvenc', ['1', '1']],
    ['h264_qsv', ['1', '1']],
    ['h264_videotoolbox', ['1', '1']],
    ['h264_amf', []],
    ['h264_vaapi', []],
  ])('%s is asked to keep captions where it has an option for it, in its trial as well', (encoder, asked) => {
    for (const words of [
      encodeArguments({ ...JOB, encoder }, SOURCE),
      trialArguments(encoder, 'veryfast', JOB.rungs),
    ]) {
      expect(valuesOf(words, '-a53cc')).toEqual(asked);
      // Of VAAPI it would replace the default, which has captions.
      expect(words).not.toContain('-sei');
    }
  });

  test('an encoder that nobody knows is refused by name', () => {
    expect(() => encodeArguments({ ...JOB, encoder: 'libx266' }, SOURCE)).toThrow(
      'encoder libx266 is not supported: use one of libx264',
    );
  });
});
