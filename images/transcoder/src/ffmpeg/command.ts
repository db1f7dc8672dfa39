import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Job } from '@sluice/common/work/contract.ts';
import type { ContainerOptions } from '../container/container.ts';
import type { Filter } from './arguments.ts';
import { toArguments } from './arguments.ts';
import { ENCODERS, type EncoderProfile } from './encoders.ts';

/** File descriptor of the first rung's output: 0 takes the source, 1 tells the progress, 2 is the log. */
export const FIRST_OUTPUT_FD = 3;

/**
 * Longest distance between keyframes in frames: so long that none is made by itself. Keyframes come from the source
 * alone, else a rung would have more places to switch to than the source.
 */
const NO_OWN_KEYFRAMES = '99999';

/**
 * How much of the source FFmpeg may read before it knows the streams, in microseconds: one second, since PMT, SPS and
 * ADTS come within the first frames and every further byte delays the start.
 */
const ANALYZE_MICROSECONDS = '1000000';

/** Period of progress lines in seconds: four between two reports. */
const PROGRESS_SECONDS = '0.5';

/** What the command needs to know of the source. */
export interface SourceFacts {
  /** Height of the picture in pixels. */
  readonly height: number;
  /** Of its container. */
  readonly options: ContainerOptions;
}

/** One run of FFmpeg. */
export interface EncoderJob {
  readonly rungs: Job['rungs'];
  /** A key of {@link ENCODERS}. */
  readonly encoder: string;
  /** libx264 preset. */
  readonly preset: string;
}

/**
 * Arguments of the one FFmpeg that encodes all rungs: the source on stdin, one split, one output of the source's container
 * per rung on descriptors 3, 4, ..., progress on stdout. All rungs keep the source's timeline: its timestamps, and a
 * keyframe exactly where it has one. A rung is never higher than the source.
 * @throws SluiceError ENCODER_UNKNOWN
 */
export function encodeArguments(job: EncoderJob, source: SourceFacts): readonly string[] {
  const { input, copied, timeBase, hasSharedDecoder, output } = source.options;
  const profile = ENCODERS[job.encoder];
  if (profile === undefined) throw unknownEncoder(job.encoder);
  return toArguments({
    input: 'pipe:0',
    inputOptions: [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning'],
      ...['-progress', 'pipe:1', '-stats_period', PROGRESS_SECONDS, ...profile.device],
      ...['-copyts', '-analyzeduration', ANALYZE_MICROSECONDS, ...input],
    ],
    filters: filterGraph(job.rungs, profile, source),
    outputs: job.rungs.map((rung, index) => ({
      target: `pipe:${FIRST_OUTPUT_FD + index}`,
      options: [
        ...['-map', `[out${index}]`, ...copied],
        ...['-c:v', job.encoder, ...profile.options(job.preset, rung.bitrateBps), ...profile.captions],
        ...['-g', NO_OWN_KEYFRAMES],
        ...['-force_key_frames', 'source', '-fps_mode', 'passthrough', '-enc_time_base', timeBase],
        ...(hasSharedDecoder ? profile.ownParameterSets : []),
        ...output,
      ],
    })),
  });
}

/**
 * The source's picture split, and each part scaled to its rung (even width of the same shape, square pixels) and handed
 * to the encoder as it takes it.
 */
function filterGraph(
  rungs: Job['rungs'],
  profile: EncoderProfile,
  source: Pick<SourceFacts, 'height'>,
): readonly Filter[] {
  const parts = rungs.map((_, index) => `part${index}`);
  const split: Filter = { filter: 'split', options: `${rungs.length}`, inputs: ['0:v:0'], outputs: parts };
  const scaled = rungs.flatMap((rung, index): Filter[] => {
    const height = evenHeight(Math.min(rung.height, source.height));
    const size = { w: `2*round(${height}*dar/2)`, h: height };
    return [
      { filter: 'scale', options: size, inputs: [`part${index}`], outputs: [`scaled${index}`] },
      { filter: 'setsar', options: '1', inputs: [`scaled${index}`], outputs: [`square${index}`] },
      ...profile.format.map(({ filter, options }, step) => ({
        filter,
        options,
        inputs: [step === 0 ? `square${index}` : `format${index}.${step}`],
        outputs: [step === profile.format.length - 1 ? `out${index}` : `format${index}.${step + 1}`],
      })),
    ];
  });
  return [split, ...scaled];
}

/** 4:2:0 has one chroma line per two lines. */
function evenHeight(height: number): number {
  return Math.max(2, height - (height % 2));
}

/**
 * Arguments of a trial: ten frames of a test picture through the encoder and its filters, with its real options, in all
 * the rungs at a time, to nowhere. Only this says whether an encoder works here: FFmpeg lists all that it was built with,
 * and drivers allow a GPU only so many encodes at a time.
 * @throws SluiceError ENCODER_UNKNOWN
 */
export function trialArguments(encoder: string, preset: string, rungs: Job['rungs']): readonly string[] {
  const profile = ENCODERS[encoder];
  if (profile === undefined) throw unknownEncoder(encoder);
  const height = evenHeight(Math.max(...rungs.map((rung) => rung.height)));
  const size = `${2 * Math.round((height * 16) / 9 / 2)}x${height}`;
  return toArguments({
    input: `testsrc2=size=${size}:rate=30`,
    inputOptions: ['-hide_banner', '-nostdin', '-loglevel', 'error', ...profile.device, '-f', 'lavfi'],
    filters: filterGraph(rungs, profile, { height }),
    outputs: rungs.map((rung, index) => ({
      target: '-',
      options: [
        ...['-map', `[out${index}]`, '-frames:v', '10'],
        ...['-c:v', encoder, ...profile.options(preset, rung.bitrateBps), ...profile.captions, '-f', 'null'],
      ],
    })),
  });
}

function unknownEncoder(encoder: string): SluiceError {
  const message = `encoder ${encoder} is not supported: use one of ${Object.keys(ENCODERS).join(', ')}`;
  return new SluiceError(message, { code: 'ENCODER_UNKNOWN', retryable: false });
}
