import { type Box, child, invalidMp4, readBoxes, readFields } from './box.ts';

/** Samples of one run, or of one segment, that are looked at one by one: a minute at 1,000 frames per second. */
export const MAX_SAMPLES = 60_000;

/**
 * Bytes of all Movie Fragment Boxes of a segment, media not counted. A fragment of one picture has under 200, so thousands
 * fit; boxes are looked at one by one and may have 8 bytes, so 50 MB of them would keep an edge busy for seconds.
 */
const MAX_FRAGMENT_BYTES = 2 * 1024 * 1024;

/** `default-base-is-moof` of `tfhd` (ISO/IEC 14496-12 8.8.7.1). */
const BASE_IS_MOOF = 0x02_0000;

/** Track Fragment Header (`tfhd`, ISO/IEC 14496-12 8.8.7); null where it leaves a field to the `trex` of its track. */
export interface TrackFragmentHeader {
  readonly trackId: number;
  /** Where the data offsets of its runs count from in the file; null: from a place that the standard names. */
  readonly baseDataOffset: bigint | null;
  readonly baseIsMoof: boolean;
  /** Ticks of a sample. */
  readonly duration: number | null;
  /** Bytes of a sample. */
  readonly size: number | null;
  /** ISO/IEC 14496-12 8.8.3.1. */
  readonly flags: number | null;
}

/** Columns of a Track Run (`trun`, ISO/IEC 14496-12 8.8.8): what it says of each sample; null where it says nothing. */
export interface TrackRun {
  readonly count: number;
  /** From the base of its track fragment; null: directly behind the run before. */
  readonly dataOffset: number | null;
  /** Flags of the first sample; null where neither the run nor its columns name them. */
  readonly firstFlags: number | null;
  duration(index: number): number | null;
  size(index: number): number | null;
  flags(index: number): number | null;
  /** Presentation time less decode time in ticks; signed also where version 0 would have none, as players read it. */
  compositionOffset(index: number): number;
}

/** A Track Fragment (`traf`) and its runs. */
export interface TrackFragment {
  readonly header: TrackFragmentHeader;
  /** Decode time of the first sample in ticks (`tfdt`); null where it is not said. */
  readonly decodeTime: bigint | null;
  readonly runs: readonly TrackRun[];
}

function readHeader({ content }: Box): TrackFragmentHeader {
  return readFields('box "tfhd"', () => {
    const flags = content.getUint32(0) & 0xff_ffff;
    let at = 8;
    const next = (bit: number, bytes: number): number | null => {
      if ((flags & bit) === 0) return null;
      at += bytes;
      return at - bytes;
    };
    const field = (bit: number): number | null => {
      const place = next(bit, 4);
      return place === null ? null : content.getUint32(place);
    };
    const base = next(0x01, 8);
    next(0x02, 4); // sample description
    return {
      trackId: content.getUint32(4),
      baseDataOffset: base === null ? null : content.getBigUint64(base),
      baseIsMoof: (flags & BASE_IS_MOOF) !== 0,
      duration: field(0x08),
      size: field(0x10),
      flags: field(0x20),
    };
  });
}

function readRun({ content }: Box): TrackRun {
  return readFields('box "trun"', () => {
    const flags = content.getUint32(0) & 0xff_ffff;
    const count = content.getUint32(4);
    if (count > MAX_SAMPLES) throw invalidMp4(`a run says that it has ${count} samples`);
    let at = 8;
    const dataOffset = (flags & 0x01) === 0 ? null : content.getInt32(at);
    if (dataOffset !== null) at += 4;
    const first = (flags & 0x04) === 0 ? null : content.getUint32(at);
    if (first !== null) at += 4;
    const columns = [0x100, 0x200, 0x400, 0x800].filter((bit) => (flags & bit) !== 0);
    const stride = 4 * columns.length;
    if (content.byteLength < at + count * stride) throw invalidMp4('box "trun" is too short');
    const column = (bit: number): ((index: number) => number | null) => {
      const place = columns.indexOf(bit);
      return place < 0 ? () => null : (index) => content.getUint32(at + index * stride + 4 * place);
    };
    const [duration, size, flag, offset] = [column(0x100), column(0x200), column(0x400), column(0x800)];
    const flagsOf = (index: number): number | null => (index === 0 && first !== null ? first : flag(index));
    return {
      count,
      dataOffset,
      firstFlags: count === 0 ? first : flagsOf(0),
      duration,
      size,
      flags: flagsOf,
      compositionOffset: (index) => (offset(index) ?? 0) | 0,
    };
  });
}

function readDecodeTime({ content }: Box): bigint {
  return readFields('box "tfdt"', () =>
    content.getUint8(0) === 1 ? content.getBigUint64(4) : BigInt(content.getUint32(4)),
  );
}

/** The Movie Fragment Boxes (`moof`) among those of a segment. Throws MP4_INVALID where they are too large to be looked at. */
export function fragmentsIn(boxes: readonly Box[]): readonly Box[] {
  const moofs = boxes.filter(({ type }) => type === 'moof');
  const bytes = moofs.reduce((sum, { content }) => sum + content.byteLength, 0);
  if (bytes > MAX_FRAGMENT_BYTES) throw invalidMp4(`its fragments have ${bytes} bytes besides their media`);
  return moofs;
}

/** Reads the content of a `traf` box. Throws MP4_INVALID where a field or a row is missing, or rows are too many. */
export function readTrackFragment(traf: Box): TrackFragment {
  const boxes = readBoxes(traf.content);
  const decodeTime = boxes.find(({ type }) => type === 'tfdt');
  return {
    header: readHeader(child(boxes, 'tfhd')),
    decodeTime: decodeTime === undefined ? null : readDecodeTime(decodeTime),
    runs: boxes.filter(({ type }) => type === 'trun').map(readRun),
  };
}
