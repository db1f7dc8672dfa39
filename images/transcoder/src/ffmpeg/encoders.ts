/** Quality of capped constant quality: visually clean at live speed; easy scenes take less than the cap. */
const CRF = '23';

/**
 * Number of a rung's parameter sets where a decoder may see those of the source too (H.264 7.4.2.1.1: 0 to 31): the last one,
 * since encoders begin at 0.
 */
const OWN_PARAMETER_SET = 31;

/** How one of FFmpeg's H.264 encoders is asked for the same thing: no B-frames, no delay, keyframes only on demand. */
export interface EncoderProfile {
  /** Whether it works on a GPU, and may therefore be missing, busy or broken where libx264 is not. */
  readonly hardware: boolean;
  /** Options before the input that open the device; empty where the encoder does so itself. */
  readonly device: readonly string[];
  /** The last filter of each rung: the pixel format that the encoder takes, and the way into its memory. */
  readonly format: readonly FormatFilter[];
  /**
   * Options by which captions (CEA-608/708) stay in the pictures that they come in, asked for although all take them by
   * default; empty where it cannot carry them, or has no option that FFmpeg 5 knows as well.
   */
  readonly captions: readonly string[];
  /** Options that number its parameter sets unlike those of any source; empty where it cannot. */
  readonly ownParameterSets: readonly string[];
  /** Options for one output, in FFmpeg's spelling. */
  options(preset: string, bitrateBps: number): readonly string[];
}

/** One filter without inputs and outputs named. */
export interface FormatFilter {
  readonly filter: string;
  readonly options: string;
}

/** 4:2:0 in three planes, in the CPU's memory. */
const PLANAR: readonly FormatFilter[] = [{ filter: 'format', options: 'yuv420p' }];
/** 4:2:0 as GPUs keep it. */
const SEMI_PLANAR: FormatFilter = { filter: 'format', options: 'nv12' };

/** Captions as ATSC A/53 has them, in Supplemental Enhancement Information. */
const CAPTIONS = ['-a53cc', '1'] as const;

/** Cap of the bitrate over a buffer of one second: a segment of 2 s is at most half above its rung's bitrate. */
function cap(bitrateBps: number): readonly string[] {
  return ['-maxrate', `${bitrateBps}`, '-bufsize', `${bitrateBps}`];
}

function constantBitrate(bitrateBps: number): readonly string[] {
  return ['-b:v', `${bitrateBps}`, ...cap(bitrateBps)];
}

/**
 * Encoders that the agent can drive. B-frames are off in all: then every frame's DTS equals its PTS, and one constant
 * shift gives it the source's distance between the two, whatever the source's own pattern of B-frames.
 */
export const ENCODERS: Readonly<Record<string, EncoderProfile>> = {
  libx264: {
    hardware: false,
    device: [],
    format: PLANAR,
    captions: CAPTIONS,
    ownParameterSets: ['-x264-params', `sps-id=${OWN_PARAMETER_SET}`],
    options: (preset, bitrateBps) => [
      ...['-preset', preset, '-tune', 'zerolatency', '-bf', '0', '-sc_threshold', '0', '-forced-idr', '1'],
      ...['-crf', CRF, ...cap(bitrateBps)],
    ],
  },
  h264_nvenc: {
    hardware: true,
    device: [],
    format: PLANAR,
    captions: CAPTIONS,
    ownParameterSets: [],
    options: (_preset, bitrateBps) => [
      ...['-preset', 'p4', '-tune', 'll', '-rc', 'cbr', '-bf', '0', '-forced-idr', '1', '-no-scenecut', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_qsv: {
    hardware: true,
    device: [],
    format: [SEMI_PLANAR],
    captions: CAPTIONS,
    ownParameterSets: [],
    options: (_preset, bitrateBps) => [
      ...['-preset', 'veryfast', '-async_depth', '1', '-look_ahead', '0', '-bf', '0', '-forced_idr', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  // Without a name FFmpeg takes the first render node of the pod: the one that the device plugin gave it.
  h264_vaapi: {
    hardware: true,
    device: ['-init_hw_device', 'vaapi=gpu', '-filter_hw_device', 'gpu'],
    format: [SEMI_PLANAR, { filter: 'hwupload', options: '' }],
    // From FFmpeg 6 on `-sei` has them by default, and before it has no word for them.
    captions: [],
    ownParameterSets: [],
    options: (_preset, bitrateBps) => [
      '-rc_mode',
      'CBR',
      '-async_depth',
      '1',
      '-bf',
      '0',
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_amf: {
    hardware: true,
    device: [],
    format: PLANAR,
    captions: [],
    ownParameterSets: [],
    options: (_preset, bitrateBps) => [
      ...['-usage', 'lowlatency', '-quality', 'speed', '-forced_idr', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_videotoolbox: {
    hardware: true,
    device: [],
    format: PLANAR,
    captions: CAPTIONS,
    ownParameterSets: [],
    options: (_preset, bitrateBps) => ['-realtime', '1', '-bf', '0', ...constantBitrate(bitrateBps)],
  },
};
