import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { withJoint } from '@sluice/common/mpegts/joint.ts';
import { ticksBetween } from '@sluice/common/mpegts/timestamp.ts';
import { MPEG_TS_TYPE } from '@sluice/common/work/contract.ts';
import { faultOf } from '../check/segment.ts';
import type { Boundary } from '../split/boundary.ts';
import { Splitter as TransportStreamSplitter } from '../split/splitter.ts';
import { type Container, type CutSegment, type SourceSegment, type Splitter, sourceSegment } from './container.ts';
import { unsuitable } from './unsuitable.ts';

/** What MPEG-TS keeps of a source segment. */
export interface TransportStreamPlan {
  readonly boundary: Boundary;
  readonly bytes: Uint8Array;
  /** PTS - DTS of the first frame in ticks of 90 kHz: the delay of the source's B-frames. */
  readonly reorderTicks: number;
  readonly hasAudio: boolean;
}

function transportStreamSplitter(emit: (segment: CutSegment) => void): Splitter<TransportStreamPlan> {
  const splitter = new TransportStreamSplitter(({ boundary, bytes }) =>
    emit({ msn: boundary.msn, bytes, fault: faultOf(bytes, boundary) }),
  );
  return {
    expect: (_msn, { boundary }) => splitter.expect(boundary),
    push: (chunk) => splitter.push(chunk),
    end: () => splitter.end(),
  };
}

/**
 * MPEG-TS: FFmpeg gets the source's segments as they are, copies the audio (one frame per PES packet, so that it can be cut
 * between any two) and shifts DTS by the source's distance between PTS and DTS.
 */
export const TRANSPORT_STREAM: Container<TransportStreamPlan> = {
  contentType: MPEG_TS_TYPE,
  options: ({ hasAudio, reorderTicks }) => ({
    input: ['-f', 'mpegts'],
    copied: hasAudio ? ['-map', '0:a:0', '-c:a', 'copy'] : [],
    timeBase: '1:90000',
    hasSharedDecoder: false,
    output: [
      ...(reorderTicks > 0 ? ['-bsf:v', `setts=dts=DTS-${reorderTicks}`] : []),
      ...['-avoid_negative_ts', 'disabled', '-muxdelay', '0', '-muxpreload', '0', '-flush_packets', '1'],
      ...['-pes_payload_size', '0', '-mpegts_copyts', '1', '-f', 'mpegts'],
    ],
  }),
  // What breaks its timestamps a source has to tell in its playlist; FFmpeg bears the rest.
  follows: () => true,
  begin: () => ({ input: ({ bytes }) => bytes, isFull: () => false, splitter: transportStreamSplitter }),
  withJoint,
};

/**
 * Reads what the encoder has to know of a source segment in MPEG-TS.
 * @throws SluiceError TS_INVALID, or SOURCE_UNSUITABLE where no rung can be cut at its start: no video, or no keyframe
 *   first
 */
export function readTransportStream(epoch: number, msn: number, bytes: Uint8Array): SourceSegment {
  const { video, audio }: SegmentInspection = inspectSegment(bytes);
  if (video === null) throw unsuitable(msn, 'has no video');
  if (!video.startsWithKeyframe) throw unsuitable(msn, 'does not begin with a keyframe');
  return sourceSegment(epoch, msn, video.height, TRANSPORT_STREAM, {
    bytes,
    boundary: { msn, videoPts: video.firstPts, audioPts: audio?.firstPts ?? null, videoFrames: video.frames },
    reorderTicks: Math.max(0, ticksBetween(video.firstDts, video.firstPts)),
    hasAudio: audio !== null,
  });
}
