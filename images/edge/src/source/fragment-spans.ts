import { type FragmentInspection, type FragmentTrack, inspectFragment } from '@sluice/common/mp4/fragment.ts';
import type { InitInspection, InitTrack } from '@sluice/common/mp4/init.ts';

/** What a segment of fragmented MP4 holds of one track, in seconds, so that tracks of any timescale can be compared. */
export interface FragmentSpan {
  /** When the first sample is presented, without the edit list. */
  readonly presentedAt: number;
  /** When it is decoded. */
  readonly decodedAt: number;
  readonly durationSeconds: number;
  readonly samples: number;
  readonly startsWithSync: boolean;
}

/** What a segment of fragmented MP4 holds of its pictures and of its audio; null for what is not in it. */
export interface FragmentSpans {
  /** The initialization section that it was read by. */
  readonly init: InitInspection;
  readonly video: FragmentSpan | null;
  readonly audio: FragmentSpan | null;
}

function spanOf(fragment: FragmentTrack | null, track: InitTrack | null): FragmentSpan | null {
  if (fragment === null || track === null) return null;
  const { firstDecodeTime, firstCompositionOffset, duration, samples, startsWithSync } = fragment;
  return {
    presentedAt: (firstDecodeTime + firstCompositionOffset) / track.timescale,
    decodedAt: firstDecodeTime / track.timescale,
    durationSeconds: duration / track.timescale,
    samples,
    startsWithSync,
  };
}

/** Reads a segment as {@link inspectFragment} does, and throws as it does. */
export function spansOf(bytes: Uint8Array, init: InitInspection, partial = false): FragmentSpans {
  const { video, audio }: FragmentInspection = inspectFragment(bytes, init, partial);
  return { init, video: spanOf(video, init.video), audio: spanOf(audio, init.audio) };
}
