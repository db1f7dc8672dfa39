/** Quality of capped constant quality: visually clean at live speed; easy scenes take less than the cap. */
const CRF = '23';

/** How one of FFmpeg's H.264 encoders is asked for the same thing: no B-frames, no delay, keyframes only on demand. */
export interface EncoderProfile {
  /** Options for one output, in FFmpeg's spelling. */
  options(preset: string, bitrateBps: number): readonly string[];
}

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
    options: (preset, bitrateBps) => [
      ...['-preset', preset, '-tune', 'zerolatency', '-bf', '0', '-sc_threshold', '0', '-forced-idr', '1'],
      ...['-crf', CRF, ...cap(bitrateBps)],
    ],
  },
  h264_nvenc: {
    options: (_preset, bitrateBps) => [
      ...['-preset', 'p4', '-tune', 'll', '-rc', 'cbr', '-bf', '0', '-forced-idr', '1', '-no-scenecut', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_qsv: {
    options: (_preset, bitrateBps) => [
      ...['-preset', 'veryfast', '-async_depth', '1', '-look_ahead', '0', '-bf', '0', '-forced_idr', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_amf: {
    options: (_preset, bitrateBps) => [
      ...['-usage', 'lowlatency', '-quality', 'speed', '-forced_idr', '1'],
      ...constantBitrate(bitrateBps),
    ],
  },
  h264_videotoolbox: {
    options: (_preset, bitrateBps) => ['-realtime', '1', '-bf', '0', ...constantBitrate(bitrateBps)],
  },
};
