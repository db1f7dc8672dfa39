import { type Box, child, invalidMp4, readBoxes, readFields, wholeBox } from './box.ts';
import type { InitInspection, InitTrack } from './init.ts';
import { fragmentsIn, MAX_SAMPLES, readTrackFragment, type TrackFragment } from './track-fragment.ts';

/** One sample: a picture, a frame of audio. */
export interface Sample {
  /** A view of the segment that it was read from. */
  readonly bytes: Uint8Array;
  /** Ticks of its track until the next one is decoded. */
  readonly duration: number;
  /** ISO/IEC 14496-12 8.8.3.1. */
  readonly flags: number;
  /** Presentation time less decode time, ticks. */
  readonly compositionOffset: number;
}

/** What a segment holds of one track. */
export interface TrackSamples {
  readonly trackId: number;
  /** Decode time of the first sample in ticks of the track: 64 bits, more than a number holds. */
  readonly decodeTime: bigint;
  /** In the order in which they are decoded, at least one. */
  readonly samples: readonly Sample[];
}

/** A media segment, sample by sample. */
export interface SegmentSamples {
  /** `sequence_number` of its first fragment (`mfhd`). */
  readonly sequence: number;
  /** In the order in which they first occur. */
  readonly tracks: readonly TrackSamples[];
}

interface OpenTrack {
  readonly decodeTime: bigint;
  readonly samples: Sample[];
  /** Decode time behind the last sample. */
  end: bigint;
}

/** Collects the samples of one segment; all of it is bounded by the segment's own bytes and {@link MAX_SAMPLES}. */
class Collector {
  readonly tracks = new Map<number, OpenTrack>();
  readonly #bytes: Uint8Array;
  readonly #init: InitInspection;
  #count = 0;
  #taken = 0;

  constructor(bytes: Uint8Array, init: InitInspection) {
    this.#bytes = bytes;
    this.#init = init;
  }

  fragment(moof: Box): void {
    const start = wholeBox(moof).byteOffset - this.#bytes.byteOffset;
    // Where the standard lets a track fragment begin that names no base (ISO/IEC 14496-12 8.8.7.1).
    let behind = start;
    for (const traf of readBoxes(moof.content).filter(({ type }) => type === 'traf')) {
      const fragment = readTrackFragment(traf);
      const { header } = fragment;
      const track = this.#init.tracks.find(({ id }) => id === header.trackId);
      if (track === undefined) throw invalidMp4(`a fragment is of track ${header.trackId}, which its "moov" has not`);
      const base =
        header.baseDataOffset === null ? (header.baseIsMoof ? start : behind) : Number(header.baseDataOffset);
      behind = this.#runs(fragment, track, base);
    }
  }

  /** @returns where the data of the last run ends */
  #runs({ header, decodeTime, runs }: TrackFragment, track: InitTrack, base: number): number {
    let at = base;
    const rows = runs.filter(({ count }) => count > 0);
    if (rows.length === 0) return at;
    const open = this.#openAt(track.id, decodeTime);
    for (const run of rows) {
      if (run.dataOffset !== null) at = base + run.dataOffset;
      for (let index = 0; index < run.count; index += 1) {
        const size = run.size(index) ?? header.size ?? track.defaultSize;
        const sample: Sample = {
          bytes: this.#slice(at, size),
          duration: run.duration(index) ?? header.duration ?? track.defaultDuration,
          flags: run.flags(index) ?? header.flags ?? track.defaultFlags,
          compositionOffset: run.compositionOffset(index),
        };
        open.samples.push(sample);
        open.end += BigInt(sample.duration);
        at += size;
      }
    }
    return at;
  }

  /** The track, ready for samples at a decode time: the sample before lasts until then, whatever it says itself. */
  #openAt(trackId: number, decodeTime: bigint | null): OpenTrack {
    const open = this.tracks.get(trackId);
    if (open === undefined) {
      if (decodeTime === null) throw invalidMp4('there is no "tfdt" box where one must be');
      const fresh: OpenTrack = { decodeTime, samples: [], end: decodeTime };
      this.tracks.set(trackId, fresh);
      return fresh;
    }
    const last = open.samples.at(-1);
    if (decodeTime === null || decodeTime === open.end || last === undefined) return open;
    const duration = Number(decodeTime - open.end) + last.duration;
    if (duration < 0 || duration > 0xffff_ffff) throw invalidMp4('the fragments of a track do not follow one another');
    open.samples[open.samples.length - 1] = { ...last, duration };
    open.end = decodeTime;
    return open;
  }

  #slice(at: number, size: number): Uint8Array {
    this.#count += 1;
    this.#taken += size;
    if (this.#count > MAX_SAMPLES) throw invalidMp4(`more than ${MAX_SAMPLES} samples in a segment`);
    if (!(at >= 0 && at + size <= this.#bytes.length)) throw invalidMp4('a sample lies outside its segment');
    // Else samples that share bytes make more of a segment than was received.
    if (this.#taken > this.#bytes.length) throw invalidMp4('the samples are larger than their segment');
    return this.#bytes.subarray(at, at + size);
  }
}

function sequenceOf(moof: Box): number {
  const { content } = child(readBoxes(moof.content), 'mfhd');
  return readFields('box "mfhd"', () => content.getUint32(4));
}

/**
 * Takes a media segment (RFC 8216bis 3.1.2) apart into its samples; it may have several fragments. `init` is the
 * initialization section that it needs. Sample groups, auxiliary information (encryption) and boxes beside the fragments are
 * left out. Throws MP4_INVALID where it is no whole segment, has no sample, or samples lie outside it.
 */
export function readSamples(bytes: Uint8Array, init: InitInspection): SegmentSamples {
  const moofs = fragmentsIn(readBoxes(bytes));
  const collector = new Collector(bytes, init);
  for (const moof of moofs) collector.fragment(moof);
  const [first] = moofs;
  const tracks = [...collector.tracks].map(([trackId, { decodeTime, samples }]) => ({ trackId, decodeTime, samples }));
  if (first === undefined || tracks.length === 0) throw invalidMp4('there is no fragment with samples ("moof") in it');
  return { sequence: sequenceOf(first), tracks };
}
