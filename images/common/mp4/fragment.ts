import { type Box, child, invalidMp4, readBoxes, readFields } from './box.ts';
import type { InitInspection, InitTrack } from './init.ts';

/** `sample_is_non_sync_sample` (ISO/IEC 14496-12 8.8.3.1). */
const NON_SYNC = 0x0001_0000;
/** Samples of one run that are looked at one by one: a minute at 1,000 frames per second. */
const MAX_SAMPLES = 60_000;

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

interface Header {
  readonly trackId: number;
  readonly duration: number | null;
  readonly flags: number | null;
}

/** Optional fields of a box in the order of the standard; each is there where its bit is set. */
function* optional(content: DataView, start: number, flags: number, bits: readonly (readonly [number, number])[]) {
  let at = start;
  for (const [bit, bytes] of bits) {
    const present = (flags & bit) !== 0;
    yield present ? content.getUint32(at + bytes - 4) : null;
    if (present) at += bytes;
  }
}

/** ISO/IEC 14496-12 8.8.7. */
function headerOf({ content }: Box): Header {
  return readFields('box "tfhd"', () => {
    const fields = optional(content, 8, content.getUint32(0) & 0xffffff, [
      [0x01, 8], // base data offset
      [0x02, 4], // sample description
      [0x08, 4],
      [0x10, 4], // size
      [0x20, 4],
    ]);
    const [, , duration = null, , flags = null] = [...fields];
    return { trackId: content.getUint32(4), duration, flags };
  });
}

interface Run {
  readonly samples: number;
  readonly duration: number;
  /** Flags of the first sample; null where the run says nothing of them. */
  readonly firstFlags: number | null;
  readonly firstCompositionOffset: number;
}

/** ISO/IEC 14496-12 8.8.8. */
function runOf({ content }: Box, defaultDuration: number): Run {
  return readFields('box "trun"', () => {
    const flags = content.getUint32(0) & 0xffffff;
    const samples = content.getUint32(4);
    if (samples > MAX_SAMPLES) throw invalidMp4(`a run says that it has ${samples} samples`);
    let at = 8 + ((flags & 0x01) === 0 ? 0 : 4);
    const first = (flags & 0x04) === 0 ? null : content.getUint32(at);
    if (first !== null) at += 4;
    const [hasDuration, hasSize, hasFlags, hasOffset] = [0x100, 0x200, 0x400, 0x800].map((bit) => (flags & bit) !== 0);
    const stride = 4 * [hasDuration, hasSize, hasFlags, hasOffset].filter(Boolean).length;
    if (content.byteLength < at + samples * stride) throw invalidMp4('box "trun" is too short');
    const flagsAt = at + (hasDuration ? 4 : 0) + (hasSize ? 4 : 0);
    const firstFlags = first ?? (hasFlags && samples > 0 ? content.getUint32(flagsAt) : null);
    const offsetAt = flagsAt + (hasFlags ? 4 : 0);
    // Signed in version 1, and in practice in version 0.
    const firstCompositionOffset = hasOffset && samples > 0 ? content.getInt32(offsetAt) : 0;
    let duration = hasDuration ? 0 : samples * defaultDuration;
    if (hasDuration)
      for (let index = 0; index < samples; index += 1) duration += content.getUint32(at + index * stride);
    return { samples, duration, firstFlags, firstCompositionOffset };
  });
}

/** ISO/IEC 14496-12 8.8.12. */
function decodeTimeOf({ content }: Box): number {
  return readFields('box "tfdt"', () =>
    content.getUint8(0) === 1 ? Number(content.getBigUint64(4)) : content.getUint32(4),
  );
}

function trackFragment(traf: Box, init: InitInspection): FragmentTrack | null {
  const boxes = readBoxes(traf.content);
  const header = headerOf(child(boxes, 'tfhd'));
  const track: InitTrack | undefined = init.tracks.find(({ id }) => id === header.trackId);
  if (track === undefined)
    throw invalidMp4(`a fragment is of track ${header.trackId}, which the EXT-X-MAP does not have`);
  const defaultDuration = header.duration ?? track.defaultDuration;
  const runs = boxes.filter(({ type }) => type === 'trun').map((box) => runOf(box, defaultDuration));
  const samples = runs.reduce((sum, run) => sum + run.samples, 0);
  if (samples === 0) return null;
  const first = runs.find((run) => run.samples > 0);
  const firstFlags = first?.firstFlags ?? header.flags ?? track.defaultFlags;
  return {
    id: track.id,
    firstDecodeTime: decodeTimeOf(child(boxes, 'tfdt')),
    firstCompositionOffset: first?.firstCompositionOffset ?? 0,
    samples,
    startsWithSync: (firstFlags & NON_SYNC) === 0,
    duration: runs.reduce((sum, run) => sum + run.duration, 0),
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
