import { inSample, type ParameterSets, parameterSetsOf } from '@sluice/common/mp4/parameter-sets.ts';
import { withPicture } from '@sluice/common/mp4/picture.ts';
import type { Sample, TrackSamples } from '@sluice/common/mp4/samples.ts';
import { isSync, writeFragment } from '@sluice/common/mp4/write-fragment.ts';
import type { FragmentPlan } from './plan.ts';

/** A picture that FFmpeg has encoded. */
export interface Picture {
  readonly sample: Sample;
  /** When it is shown, in ticks of the source's own clock. */
  readonly time: bigint;
}

/**
 * Why these pictures are no rung of the source's segment; null where they are: as many, each shown exactly when the source's
 * is, a keyframe first.
 */
export function faultOf({ picture, times }: FragmentPlan, pictures: readonly Picture[]): string | null {
  const [first] = pictures;
  if (first === undefined) return 'no video frame';
  if (!isSync(first.sample)) return 'the first video frame is not a keyframe';
  if (pictures.length !== times.length) {
    return `${pictures.length} video frames, the source's segment has ${times.length}`;
  }
  const offsets = pictures.map(({ time }, index) => time - picture.decodeTime - BigInt(times[index] ?? 0));
  const moved = offsets.findIndex((offset) => offset !== 0n);
  return moved < 0 ? null : `video frame ${moved} is shown ${offsets[moved]} ticks from the source's`;
}

/**
 * The encoded pictures in place of the source's: decoded from the same time on, over the same duration, each shown when the
 * source's is. There are no B-frames, so one distance between decoding and showing holds for all: that of the source's first.
 */
function pictureTrack({ picture, times, durationTicks }: FragmentPlan, pictures: readonly Picture[]): TrackSamples {
  const start = times[0] ?? 0;
  const samples = pictures.map(({ sample: { bytes, flags } }, index): Sample => {
    const next = times[index + 1] ?? start + durationTicks;
    return { bytes, flags, compositionOffset: start, duration: next - (times[index] ?? 0) };
  });
  return { ...picture, samples };
}

/**
 * The pictures with the source's parameter sets among them. Players built on FFmpeg, and VLC, read only the first section of a
 * playlist: those that began with the rung's would never get the source's. They stand in front of the keyframe; where the rung's
 * have the same numbers, behind the last picture, so that they take their place for the picture after it.
 */
function withSets({ samples, ...track }: TrackSamples, source: ParameterSets, own: ParameterSets): TrackSamples {
  const sets = inSample(source.units, own.lengthBytes);
  const isLast = source.names.some((name) => own.names.includes(name));
  const place = isLast ? samples.length - 1 : 0;
  const extended = (one: Sample): Sample => {
    return { ...one, bytes: Buffer.concat(isLast ? [one.bytes, sets] : [sets, one.bytes]) };
  };
  return { ...track, samples: samples.map((one, index) => (index === place ? extended(one) : one)) };
}

/**
 * A rung's segment as it is handed over: its initialization section, which is the source's with FFmpeg's picture format,
 * then the source's segment with the encoded pictures in place of its own.
 * @param encoded FFmpeg's `moov`
 * @throws SluiceError MP4_INVALID
 */
export function assemble(plan: FragmentPlan, pictures: readonly Picture[], encoded: Uint8Array): Uint8Array {
  const { section, sequence, kept, tracks } = plan;
  const fresh = withSets(pictureTrack(plan, pictures), section.parameterSets, parameterSetsOf(encoded));
  const fragment = writeFragment({
    sequence,
    tracks: tracks.map((track) => (track.trackId === fresh.trackId ? fresh : track)),
  });
  return Buffer.concat([withPicture(section.bytes, encoded), ...kept, ...fragment]);
}
