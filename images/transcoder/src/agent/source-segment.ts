import { SluiceError } from '@sluice/common/errors/error.ts';
import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { ticksBetween } from '@sluice/common/mpegts/timestamp.ts';
import type { SourceFacts } from '../ffmpeg/command.ts';
import type { Boundary } from '../split/boundary.ts';

/** Height assumed where the source's parameter set is missing: no rung is held back then, FFmpeg reads the size itself. */
const UNKNOWN_HEIGHT = 4320;

/** A source segment, ready to be fed. */
export interface SourceSegment {
  readonly epoch: number;
  readonly bytes: Uint8Array;
  readonly boundary: Boundary;
  readonly facts: SourceFacts;
}

/**
 * Reads what the encoder has to know of a source segment.
 * @throws SluiceError TS_INVALID, or SOURCE_UNSUITABLE where no rung can be cut at its start: no video, or no keyframe
 *   first
 */
export function toSourceSegment(epoch: number, msn: number, bytes: Uint8Array): SourceSegment {
  const found: SegmentInspection = inspectSegment(bytes);
  if (found.video === null) throw unsuitable(msn, 'has no video');
  if (!found.video.startsWithKeyframe) throw unsuitable(msn, 'does not begin with a keyframe');
  return {
    epoch,
    bytes,
    boundary: {
      msn,
      videoPts: found.video.firstPts,
      audioPts: found.audio?.firstPts ?? null,
      videoFrames: found.video.frames,
    },
    facts: {
      height: found.video.height > 0 ? found.video.height : UNKNOWN_HEIGHT,
      reorderTicks: Math.max(0, ticksBetween(found.video.firstDts, found.video.firstPts)),
      hasAudio: found.audio !== null,
    },
  };
}

function unsuitable(msn: number, what: string): SluiceError {
  return new SluiceError(`source segment ${msn} ${what}`, { code: 'SOURCE_UNSUITABLE', retryable: false });
}
