import { SluiceError } from '@sluice/common/errors/error.ts';
import { type InitInspection, type InitTrack, inspectInit } from '@sluice/common/mp4/init.ts';
import { type ParameterSets, parameterSetsOf } from '@sluice/common/mp4/parameter-sets.ts';
import { pictureAlone, withPicture } from '@sluice/common/mp4/picture.ts';

/** Codecs that a rung, which is H.264, may stand beside within one playlist. */
const H264 = /^avc[13]\./;

/**
 * Largest timescale that is taken: ten million ticks per second, the finest in use (Smooth Streaming). FFmpeg's own fields
 * have 32 bits.
 */
const MAX_TIMESCALE = 10_000_000;

/** An initialization section of the source. */
export interface SourceSection {
  /** Of the work API: equal names are equal bytes. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inspection: InitInspection;
  readonly video: InitTrack;
  readonly parameterSets: ParameterSets;
  /** What FFmpeg gets in front of a run's first segment. */
  readonly pictureAlone: Uint8Array;
}

/**
 * Reads an initialization section of the source.
 * @throws SluiceError MP4_INVALID where it is none or encrypted; SOURCE_UNSUITABLE where no rung can stand beside it
 */
export function readSection(name: string, bytes: Uint8Array): SourceSection {
  const inspection = inspectInit(bytes);
  const { video } = inspection;
  if (video === null) throw unsuitable('there is no video track');
  if (!H264.test(video.codec)) throw unsuitable(`its video is ${video.codec}, and rungs are H.264`);
  if (video.timescale > MAX_TIMESCALE) throw unsuitable(`its video has ${video.timescale} ticks per second`);
  // Whether it can be written with other pictures shows with its own; later it would end an encoder that works.
  withPicture(bytes, bytes);
  const parameterSets = parameterSetsOf(bytes);
  return { name, bytes, inspection, video, parameterSets, pictureAlone: pictureAlone(bytes) };
}

function unsuitable(what: string): SluiceError {
  const message = `the source's initialization section cannot be transcoded: ${what}`;
  return new SluiceError(message, { code: 'SOURCE_UNSUITABLE', retryable: false });
}
