import { type Box, invalidMp4, readBoxes } from './box.ts';
import type { InitInspection } from './init.ts';
import { readTrackFragment, type TrackRun } from './track-fragment.ts';

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
  /** Ticks of all samples together. */
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

/**
 * Reads a media segment (RFC 8216bis 3.1.2) of the initialization section `init`; a segment may have several fragments.
 * `partial`: the bytes are the beginning of one. Throws MP4_INVALID where it is no whole segment, has no samples, or
 * is of another initialization section.
 */
export function inspectFragment(bytes: Uint8Array, init: InitInspection, partial = false): FragmentInspection {
  const boxes = readBoxes(bytes, partial);
  const found = new Map<number, FragmentTrack>();
  boxes.forEach(({ type, content }, index) => {
    // The last box of a beginning may be cut: nothing is read out of it but what is whole.
    if (type !== 'moof' || (partial && index === boxes.length - 1)) return;
    for (const traf of readBoxes(content).filter((box) => box.type === 'traf')) {
      const track = trackFragment(traf, init);
      if (track === null) continue;
      const before = found.get(track.id);
      const samples = (before?.samples ?? 0) + track.samples;
      const duration = (before?.duration ?? 0) + track.duration;
      found.set(track.id, { ...(before ?? track), samples, duration });
    }
  });
  if (found.size === 0) throw invalidMp4('there is no fragment with samples ("moof") in it');
  if (!boxes.some(({ type }) => type === 'mdat')) throw invalidMp4('there is no media data ("mdat")');
  return { video: found.get(init.video?.id ?? 0) ?? null, audio: found.get(init.audio?.id ?? 0) ?? null };
}
