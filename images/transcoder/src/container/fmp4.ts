import { writeFragment } from '@sluice/common/mp4/write-fragment.ts';
import { MP4_TYPE } from '@sluice/common/work/contract.ts';
import { type FragmentPlan, planOf } from '../fragment/plan.ts';
import type { SourceSection } from '../fragment/section.ts';
import { FragmentSplitter } from '../fragment/splitter.ts';
import { baseOf, endsAt, startsAt } from '../fragment/timing.ts';
import { type Container, type Passage, type SourceSegment, sourceSegment } from './container.ts';

/**
 * Longest hole in seconds between two segments that one encoder run bears: the owner tells of what was left out, and FFmpeg
 * writes durations of 32 bits.
 */
const LONGEST_HOLE_SECONDS = 60;

/**
 * Pictures that one encoder run is fed. FFmpeg's reader of MP4 keeps an index of all it has read, 33 bytes for each picture
 * (measured): some 70 MB then, after 11 hours at 50 frames per second. Another run goes on where the last one ends.
 */
const MOST_PICTURES = 2_000_000;

/** The way of one run that begins with a segment. @param mostPictures after which it is full */
export function passageFrom(first: FragmentPlan, mostPictures = MOST_PICTURES): Passage<FragmentPlan> {
  const base = baseOf(first);
  let header: readonly Uint8Array[] = [first.section.pictureAlone];
  let pictures = 0;
  return {
    input: ({ picture, sequence }) => {
      const decodeTime = picture.decodeTime - base;
      const parts = [...header, ...writeFragment({ sequence, tracks: [{ ...picture, decodeTime }] })];
      header = [];
      pictures += picture.samples.length;
      return Buffer.concat(parts);
    },
    isFull: () => pictures >= mostPictures,
    splitter: (emit) => new FragmentSplitter(base, emit),
  };
}

/**
 * Fragmented MP4: FFmpeg gets the pictures alone, in a file made for it that begins at time 0, and gives each back by itself
 * at the time it had; the rung's segment is then written with the source's own clock, decode times and other tracks. So
 * nothing hangs on what FFmpeg makes of edit lists, B-frames, 64-bit timestamps or audio.
 */
export const FRAGMENTED_MP4: Container<FragmentPlan> = {
  contentType: MP4_TYPE,
  options: ({ section: { video } }) => ({
    input: ['-f', 'mp4'],
    copied: [],
    timeBase: `1:${video.timescale}`,
    hasSharedDecoder: true,
    output: [
      ...['-bsf:v', 'dump_extra=freq=keyframe'],
      ...['-video_track_timescale', `${video.timescale}`, '-avoid_negative_ts', 'disabled', '-use_editlist', '0'],
      // Each picture leaves at once; times count from 0; sizes of the header are there before the first one. Without the
      // trailer's index, for which FFmpeg would remember every picture of a run for days.
      ...[
        '-movflags',
        '+frag_every_frame+delay_moov+default_base_moof+frag_discont+skip_trailer',
        '-flush_packets',
        '1',
        '-f',
        'mp4',
      ],
    ],
  }),
  follows: (before, next) => {
    const hole = startsAt(next) - endsAt(before);
    return (
      before.section.name === next.section.name &&
      next.picture.decodeTime > before.picture.decodeTime &&
      hole > 0n &&
      hole < BigInt(LONGEST_HOLE_SECONDS * next.section.video.timescale)
    );
  },
  begin: (first) => passageFrom(first),
  withJoint: (bytes) => bytes,
};

/**
 * Reads what the encoder has to know of a source segment in fragmented MP4.
 * @throws SluiceError MP4_INVALID, or SOURCE_UNSUITABLE where no rung can be cut at its start: no video, no keyframe first,
 *   pictures that are shown before it
 */
export function readFragmentedMp4(
  epoch: number,
  msn: number,
  bytes: Uint8Array,
  section: SourceSection,
): SourceSegment {
  return sourceSegment(epoch, msn, section.video.height, FRAGMENTED_MP4, planOf(msn, bytes, section));
}
