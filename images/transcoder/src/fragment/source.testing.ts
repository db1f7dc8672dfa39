import { box, makeInit } from '@sluice/common/mp4/file.testing.ts';
import type { Sample, TrackSamples } from '@sluice/common/mp4/samples.ts';
import { writeFragment } from '@sluice/common/mp4/write-fragment.ts';
import { type FragmentPlan, planOf } from './plan.ts';
import { readSection, type SourceSection } from './section.ts';

/** A picture at 25 per second, and a frame of AAC, in ticks of the tracks of {@link TEST_SECTION}. */
export const VIDEO_TICKS = 512;
/** Ticks of an AAC frame, of which there are as many as samples in it. */
export const AUDIO_TICKS = 1024;

const SYNC = 0x0200_0000;
const NON_SYNC = 0x0101_0000;

/** An avcC with one sequence and one picture parameter set (ISO/IEC 14496-15 5.3.3.1). */
const CONFIGURATION = [1, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x64, 0x00, 0x1f, 0xac, 1, 0, 2, 0x68, 0xce];
/** The same two sets as a sample has them: each behind its length in 4 bytes. */
export const PARAMETER_SETS_IN_SAMPLE = [0, 0, 0, 5, 0x67, 0x64, 0x00, 0x1f, 0xac, 0, 0, 0, 2, 0x68, 0xce] as const;

/** H.264 as track 1, AAC as track 2. */
export const TEST_SECTION: SourceSection = readSection(
  'one',
  makeInit({ video: ['avc1', box('avcC', CONFIGURATION)] }),
);
/** What FFmpeg writes in front of a rung: pictures alone, of another size. */
export const ENCODED_INIT: Uint8Array = makeInit({ width: 426, height: 240, audio: null });
/** The same by an encoder that numbers its parameter sets as the source does. */
export const ENCODED_ALIKE: Uint8Array = makeInit({
  width: 426,
  height: 240,
  audio: null,
  video: ['avc1', box('avcC', CONFIGURATION)],
});

/** One segment of a source. */
export interface TestSegment {
  /** Decode time of its first picture and of its first frame of audio. */
  readonly decodeTime: bigint;
  readonly audioTime: bigint;
  /** Pictures; all but the first and every third one are shown one picture later than the one behind them. */
  readonly pictures: number;
  readonly audioFrames: number;
  /** Ticks between decoding and showing the first picture. */
  readonly delay: number;
}

/** Pictures as an encoder with B-frames leaves them: I, then P before the B that is shown first. */
function pictures({ pictures: count, delay }: TestSegment): readonly Sample[] {
  return Array.from({ length: count }, (_, index): Sample => {
    const isEarly = index % 2 === 1 && index + 1 < count;
    const isLate = index % 2 === 0 && index > 0;
    return {
      bytes: new Uint8Array(3 + (index % 5)).fill(index),
      duration: VIDEO_TICKS,
      flags: index === 0 ? SYNC : NON_SYNC,
      compositionOffset: delay + (isEarly ? VIDEO_TICKS : isLate ? -VIDEO_TICKS : 0),
    };
  });
}

/** The segment's tracks: pictures, and audio where it has any. */
export function tracksOf(segment: TestSegment): readonly TrackSamples[] {
  const audio = Array.from(
    { length: segment.audioFrames },
    (_, index): Sample => ({
      bytes: new Uint8Array(2).fill(200 + (index % 50)),
      duration: AUDIO_TICKS,
      flags: SYNC,
      compositionOffset: 0,
    }),
  );
  const video: TrackSamples = { trackId: 1, decodeTime: segment.decodeTime, samples: pictures(segment) };
  return audio.length === 0 ? [video] : [video, { trackId: 2, decodeTime: segment.audioTime, samples: audio }];
}

/** The segment as the source would send it, with what is read of it. */
export function testPlan(msn: number, segment: TestSegment): FragmentPlan {
  return planOf(msn, Buffer.concat(writeFragment({ sequence: msn, tracks: tracksOf(segment) })), TEST_SECTION);
}

/** One picture as FFmpeg writes it: a fragment of its own. @param time when it is shown, in the output's time */
export function encodedPicture(time: bigint, isKey: boolean, fill: number): Uint8Array {
  const sample: Sample = {
    bytes: new Uint8Array(1 + (fill % 7)).fill(fill),
    duration: VIDEO_TICKS,
    flags: isKey ? SYNC : NON_SYNC,
    compositionOffset: 0,
  };
  return Buffer.concat(
    writeFragment({ sequence: fill, tracks: [{ trackId: 1, decodeTime: time, samples: [sample] }] }),
  );
}
