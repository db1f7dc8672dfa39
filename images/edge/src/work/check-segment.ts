import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { inspectSegment, type SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import type { PendingSegment } from '../channel/pending.ts';
import { ptsDistance } from './feed.ts';

/** Least tolerance at a boundary in 90 kHz ticks, for a source whose frame rate is unknown: a frame at 24 per second. */
const UNKNOWN_FRAME_TICKS = 3_750;

/** SEGMENT_BROKEN (422): the same bytes never become a segment that can be listed. */
export function broken(message: string, cause?: unknown): SluiceError {
  return new SluiceError(message, { code: 'SEGMENT_BROKEN', retryable: false, status: 422, cause });
}

function inspect(bytes: Uint8Array): SegmentInspection {
  try {
    return inspectSegment(bytes);
  } catch (error) {
    throw broken(`The segment is no whole MPEG-TS file: ${messageOf(error)}`, error);
  }
}

/** Throws SEGMENT_BROKEN where a rung's MPEG-TS is not whole, or does not begin with a keyframe where its source segment does. */
export function checkSegment(bytes: Uint8Array, source: PendingSegment): void {
  const inspection = inspect(bytes);
  if (inspection.video === null) throw broken('The segment has no video');
  if (!inspection.video.startsWithKeyframe) throw broken('The segment does not begin with a keyframe');
  if (inspection.continuityErrors > 0) throw broken(`The segment has ${inspection.continuityErrors} continuity errors`);
  const expected = source.download.state === 'stored' ? source.download.inspection?.video : null;
  if (!expected) return;
  const frameTicks = expected.frameRateMilli > 0 ? 90_000_000 / expected.frameRateMilli : UNKNOWN_FRAME_TICKS;
  const distance = ptsDistance(inspection.video.firstPts, expected.firstPts);
  if (Math.abs(distance) > frameTicks) {
    throw broken(`The segment begins ${distance} ticks of 90 kHz away from its source segment`);
  }
}
