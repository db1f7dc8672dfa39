import { ticksBetween } from '@sluice/common/mpegts/timestamp.ts';

/** Where a source segment begins: the rung's segment of the same number begins there too and holds as many frames. */
export interface Boundary {
  /** Media sequence number in the source's playlist. */
  readonly msn: number;
  /** PTS of the first video frame, 90 kHz, 33 bit. */
  readonly videoPts: number;
  /** PTS of the first audio frame; null where the segment has no audio. */
  readonly audioPts: number | null;
  /** Video frames of the segment. */
  readonly videoFrames: number;
}

/** What a PES packet belongs to. */
export type TrackKind = 'video' | 'audio';

/**
 * How far in ticks an audio frame may lie before its boundary and still belong behind it: 1 ms. A source's PES packet
 * holds several AAC frames and one timestamp; those in between are counted on in whole ticks, which is off by a few at
 * 44.1 kHz. A frame of AAC lasts 21 ms, so 1 ms never catches the frame before.
 */
export const AUDIO_TOLERANCE_TICKS = 90;

/** Whether a frame with this timestamp lies at or behind the boundary. Video is exact: its timestamps are copied. */
export function reaches(boundary: Boundary, kind: TrackKind, pts: number): boolean {
  if (kind === 'video') return ticksBetween(boundary.videoPts, pts) >= 0;
  return ticksBetween(boundary.audioPts ?? boundary.videoPts, pts) >= -AUDIO_TOLERANCE_TICKS;
}
