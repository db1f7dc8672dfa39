import { messageOf } from '@sluice/common/errors/error.ts';
import { type InitInspection, inspectInit } from '@sluice/common/mp4/init.ts';
import { MAX_INIT_BYTES, readInit } from '@sluice/common/mp4/section.ts';
import { type FragmentSpan, type FragmentSpans, spansOf } from '../source/fragment-spans.ts';
import { broken } from './check-segment.ts';

/** An upload of a rung in fragmented MP4, in its two parts. */
export interface FragmentUpload {
  /** The initialization section: `ftyp` and `moov`. */
  readonly section: Uint8Array;
  readonly segment: Uint8Array;
}

/** What a rung of fragmented MP4 must be. */
export interface ExpectedFragment {
  /** What the source's segment holds, and the tracks of its section. */
  readonly spans: FragmentSpans;
  /** Pixels, as the ladder says, but never more than the source has. */
  readonly height: number;
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw broken(`${what} cannot be used: ${messageOf(error)}`, error);
  }
}

/** Parts what an agent has sent. Throws SEGMENT_BROKEN (422). */
export function splitUpload(bytes: Uint8Array): FragmentUpload {
  const { init, media } = readable('The segment', () => readInit(bytes));
  if (init.length > MAX_INIT_BYTES) throw broken(`The initialization section has ${init.length} bytes`);
  return { section: init, segment: media };
}

/**
 * Throws SEGMENT_BROKEN (422) where a rung's segment is not whole, is not of the codecs and size that the playlists
 * announce, does not begin with a keyframe, or is not the same seconds of film as its source segment.
 */
export function checkFragment({ section, segment }: FragmentUpload, expected: ExpectedFragment): void {
  const init = readable('The initialization section', () => inspectInit(section));
  checkTracks(init, expected);
  const spans = readable('The segment', () => spansOf(segment, init));
  if (spans.video === null) throw broken('The segment has no video');
  if (!spans.video.startsWithSync) throw broken('The segment does not begin with a keyframe');
  checkSpan('video', spans.video, expected.spans.video);
  checkSpan('audio', spans.audio, init.audio === null ? null : expected.spans.audio);
}

function checkTracks({ tracks, video, audio }: InitInspection, { spans, height }: ExpectedFragment): void {
  if (tracks.some(({ encryption }) => encryption !== null)) throw broken('The rung is encrypted');
  if (video?.codec.startsWith('avc1.') !== true) throw broken(`The rung has ${video?.codec ?? 'no'} video, not H.264`);
  if (video.height !== height) throw broken(`The rung has ${video.height} lines where its ladder says ${height}`);
  const source = spans.init.audio?.codec;
  if (audio?.codec !== source)
    throw broken(`The rung has ${audio?.codec ?? 'no'} audio, and the source ${source ?? 'none'}`);
}

/** A frame more or less is what encoders and clocks of another timescale may differ by. */
function checkSpan(what: string, span: FragmentSpan | null, expected: FragmentSpan | null): void {
  if (expected === null) return;
  if (span === null) throw broken(`The segment has no ${what}`);
  const frameSeconds = expected.durationSeconds / expected.samples;
  const apart = {
    begins: span.presentedAt - expected.presentedAt,
    'is decoded': span.decodedAt - expected.decodedAt,
    lasts: span.durationSeconds - expected.durationSeconds,
  };
  for (const [verb, seconds] of Object.entries(apart)) {
    if (Math.abs(seconds) <= frameSeconds) continue;
    throw broken(`The segment's ${what} ${verb} ${(1000 * seconds).toFixed(1)} ms off its source segment's`);
  }
}
