import { messageOf } from '@sluice/common/errors/error.ts';
import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { ticksBetween } from '@sluice/common/mpegts/timestamp.ts';
import type { Boundary } from '../split/boundary.ts';
import { AUDIO_TOLERANCE_TICKS } from '../split/boundary.ts';

/**
 * Why a segment must not be handed over; null where it is whole: in sync, no lost packet, a keyframe first, both tracks
 * beginning where the source's segment does, and as many frames. The last one fails for sources with
 * open GOPs, whose segments begin with frames that are shown before their keyframe, and where the source itself is
 * damaged: a switch there would lose frames or show them twice.
 */
export function faultOf(bytes: Uint8Array, boundary: Boundary): string | null {
  let found: SegmentInspection;
  try {
    found = inspectSegment(bytes);
  } catch (error) {
    return messageOf(error);
  }
  if (found.continuityErrors > 0) return `${found.continuityErrors} packets do not follow on`;
  if (found.video === null) return 'no video frame';
  if (!found.video.startsWithKeyframe) return 'the first video frame is not a keyframe';
  if (found.video.firstPts !== boundary.videoPts) {
    return `video begins ${ticksBetween(boundary.videoPts, found.video.firstPts)} ticks from the source's segment`;
  }
  if (found.video.frames !== boundary.videoFrames) {
    return `${found.video.frames} video frames, the source's segment has ${boundary.videoFrames}`;
  }
  if (boundary.audioPts === null) return null;
  if (found.audio === null) return "no audio frame, though the source's segment has audio";
  const offset = ticksBetween(boundary.audioPts, found.audio.firstPts);
  return Math.abs(offset) > AUDIO_TOLERANCE_TICKS ? `audio begins ${offset} ticks from the source's segment` : null;
}
