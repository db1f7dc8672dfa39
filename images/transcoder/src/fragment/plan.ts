import { readBoxes, wholeBox } from '@sluice/common/mp4/box.ts';
import { readSamples, type Sample, type TrackSamples } from '@sluice/common/mp4/samples.ts';
import { isSync } from '@sluice/common/mp4/write-fragment.ts';
import { unsuitable } from '../container/unsuitable.ts';
import type { SourceSection } from './section.ts';

/** Boxes beside the fragments that a rung keeps: the segment's type, and timed events (ISO/IEC 14496-12 8.16.2, 23009-1). */
const KEPT: readonly string[] = ['styp', 'emsg'];

/** What fragmented MP4 keeps of a source segment. Times are in ticks of the video track, from {@link picture}'s decode time. */
export interface FragmentPlan {
  readonly section: SourceSection;
  /** `sequence_number` of its first fragment. */
  readonly sequence: number;
  /** The source's pictures. */
  readonly picture: TrackSamples;
  /** When each picture is shown, ascending. */
  readonly times: readonly number[];
  /** Duration of all pictures: where the next segment's are decoded from. */
  readonly durationTicks: number;
  /** All tracks in the source's order, the pictures' too. */
  readonly tracks: readonly TrackSamples[];
  /** What stands in front of the fragment. */
  readonly kept: readonly Uint8Array[];
}

/** When each sample is shown, in the order in which they are decoded: ticks from the decode time of the first. */
export function timesOf(samples: readonly Sample[]): readonly number[] {
  let decodeTime = 0;
  return samples.map(({ duration, compositionOffset }) => {
    decodeTime += duration;
    return decodeTime - duration + compositionOffset;
  });
}

/**
 * Takes a source segment apart.
 * @throws SluiceError MP4_INVALID; SOURCE_UNSUITABLE where a rung that holds the same pictures cannot begin with it
 */
export function planOf(msn: number, bytes: Uint8Array, section: SourceSection): FragmentPlan {
  const { sequence, tracks } = readSamples(bytes, section.inspection);
  const picture = tracks.find(({ trackId }) => trackId === section.video.id);
  const [first] = picture?.samples ?? [];
  if (picture === undefined || first === undefined) throw unsuitable(msn, 'has no video');
  if (!isSync(first)) throw unsuitable(msn, 'does not begin with a keyframe');
  const shown = timesOf(picture.samples);
  const times = shown.toSorted((left, right) => left - right);
  if (times[0] !== shown[0]) throw unsuitable(msn, 'begins with pictures that are shown before its keyframe');
  const durationTicks = picture.samples.reduce((sum, { duration }) => sum + duration, 0);
  const isStrict = times.every((time, index) => index === 0 || time > (times[index - 1] ?? time));
  // A rung's pictures are decoded in the order in which they are shown, from the same time on.
  if (!isStrict || (times.at(-1) ?? 0) - (times[0] ?? 0) >= durationTicks) {
    throw unsuitable(msn, 'has pictures at one time, or later than its duration allows');
  }
  const kept = readBoxes(bytes).filter(({ type }) => KEPT.includes(type));
  return { section, sequence, picture, times, durationTicks, tracks, kept: kept.map(wholeBox) };
}
