import { type Box, invalidMp4, readBoxes } from './box.ts';
import type { InitInspection } from './init.ts';
import { fragmentsIn, readTrackFragment, type TrackRun } from './track-fragment.ts';

/** `sample_is_non_sync_sample` (ISO/IEC 14496-12 8.8.3.1). */
export const NON_SYNC = 0x0001_0000;

/** What a segment holds of one track. */
export interface FragmentTrack {
  readonly id: number;
  /** Decode time of the first sample, in ticks of the track's timescale. */
  readonly firstDecodeTime: number;
  /** When the first sample is presented, behind its decode time, in ticks; an edit list is no part of it. */
  readonly firstCompositionOffset: number;
  readonly samples: number;
  /** Whether the first sample is a sync sample. */
  readonly startsWithSync: boolean;
  /** Ticks from its first sample to the end of its last, what is missing between two fragments as well. */
  readonly duration: number;
}

/** What one fMP4 segment holds; null for a track that has no sample in it. */
export interface FragmentInspection {
  readonly video: FragmentTrack | null;
  readonly audio: FragmentTrack | null;
}

/** Ticks of all samples of a run. */
function durationOf(run: TrackRun, fallback: number): number {
  if (run.count === 0 || run.duration(0) === null) return run.count * fallback;
  let duration = 0;
  for (let index = 0; index < run.count; index += 1) duration += run.duration(index) ?? fallback;
  return duration;
}

function trackFragment(traf: Box, init: InitInspection): FragmentTrack | null {
  const { header, decodeTime, runs } = readTrackFragment(traf);
  const track = init.tracks.find(({ id }) => id === header.trackId);
  if (track === undefined)
    throw invalidMp4(`a fragment is of track ${header.trackId}, which the EXT-X-MAP does not have`);
  const samples = runs.reduce((sum, { count }) => sum + count, 0);
  if (samples === 0) return null;
  if (decodeTime === null) throw invalidMp4('there is no "tfdt" box where one must be');
  const first = runs.find(({ count }) => count > 0);
  const firstFlags = first?.firstFlags ?? header.flags ?? track.defaultFlags;
  return {
    id: track.id,
    firstDecodeTime: Number(decodeTime),
    firstCompositionOffset: first?.compositionOffset(0) ?? 0,
    samples,
    startsWithSync: (firstFlags & NON_SYNC) === 0,
    duration: runs.reduce((sum, run) => sum + durationOf(run, header.duration ?? track.defaultDuration), 0),
  };
}

/** Ticks from the first fragment of a track to the end of a later one; what lies before the first adds nothing. */
function spanOf(first: FragmentTrack, next: FragmentTrack): number {
  return Math.max(first.duration, next.firstDecodeTime - first.firstDecodeTime + next.duration);
}

/**
 * Reads a media segment (RFC 8216bis 3.1.2) of the initialization section `init`; a segment may have several fragments.
 * `partial`: the bytes are the beginning of one. Throws MP4_INVALID where it is no whole segment, has no samples, or
 * is of another initialization section.
 */
export function inspectFragment(bytes: Uint8Array, init: InitInspection, partial = false): FragmentInspection {
  const boxes = readBoxes(bytes, partial);
  const found = new Map<number, FragmentTrack>();
  // The last box of a beginning may be cut: nothing is read out of it but what is whole.
  for (const { content } of fragmentsIn(partial ? boxes.slice(0, -1) : boxes)) {
    for (const traf of readBoxes(content).filter((box) => box.type === 'traf')) {
      const track = trackFragment(traf, init);
      if (track === null) continue;
      const before = found.get(track.id);
      const samples = (before?.samples ?? 0) + track.samples;
      found.set(track.id, { ...(before ?? track), samples, duration: spanOf(before ?? track, track) });
    }
  }
  if (found.size === 0) throw invalidMp4('there is no fragment with samples ("moof") in it');
  if (!boxes.some(({ type }) => type === 'mdat')) throw invalidMp4('there is no media data ("mdat")');
  return { video: found.get(init.video?.id ?? 0) ?? null, audio: found.get(init.audio?.id ?? 0) ?? null };
}
