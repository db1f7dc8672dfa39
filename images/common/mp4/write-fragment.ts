import { NON_SYNC } from './fragment.ts';
import type { Sample, SegmentSamples, TrackSamples } from './samples.ts';
import { BOX_HEADER_BYTES, boxHeader, longWord, words, writeBox } from './write.ts';

/** `tfhd`: data offsets count from the `moof`; the defaults of duration, size and flags are there. */
const HEADER_FLAGS = 0x02_0038;
/** `trun`: the data offset is there. */
const HAS_DATA_OFFSET = 0x01;
const HAS_FIRST_FLAGS = 0x04;

/** A column of `trun`: the bit that says it is there, what it says of a sample, and the default that it can spare. */
interface Column {
  readonly bit: number;
  readonly of: (sample: Sample) => number;
  readonly fallback: number;
}

/** Version 1, whose composition offsets are signed. */
function writeRun(samples: readonly Sample[], columns: readonly Column[], dataOffset: number): Uint8Array {
  const [first] = samples;
  const needed = columns.filter(({ of, fallback }) => samples.some((sample) => of(sample) !== fallback));
  // A keyframe and pictures that depend on it differ in the first sample alone: one field instead of a column.
  const flagsOf = columns.find(({ bit }) => bit === 0x400);
  const onlyFirst =
    first !== undefined && samples.slice(1).every((sample) => flagsOf?.of(sample) === flagsOf?.fallback);
  const written = onlyFirst ? needed.filter((column) => column !== flagsOf) : needed;
  const hasFirstFlags = onlyFirst && needed.some((column) => column === flagsOf);
  const flags = written.reduce((sum, { bit }) => sum | bit, HAS_DATA_OFFSET | (hasFirstFlags ? HAS_FIRST_FLAGS : 0));
  const head = [0x0100_0000 | flags, samples.length, dataOffset, ...(hasFirstFlags ? [first?.flags ?? 0] : [])];
  const rows = samples.flatMap((sample) => written.map(({ of }) => of(sample)));
  return writeBox('trun', words(head), words(rows));
}

/** @param dataOffset of the track's first byte from the beginning of the `moof` */
function writeTrackFragment({ trackId, decodeTime, samples }: TrackSamples, dataOffset: number): Uint8Array {
  const [first, second = first] = samples;
  const columns: readonly Column[] = [
    { bit: 0x100, of: (sample) => sample.duration, fallback: first?.duration ?? 0 },
    { bit: 0x200, of: (sample) => sample.bytes.length, fallback: first?.bytes.length ?? 0 },
    { bit: 0x400, of: (sample) => sample.flags, fallback: second?.flags ?? 0 },
    { bit: 0x800, of: (sample) => sample.compositionOffset, fallback: 0 },
  ];
  const defaults = columns.slice(0, 3).map(({ fallback }) => fallback);
  return writeBox(
    'traf',
    writeBox('tfhd', words([HEADER_FLAGS, trackId, ...defaults])),
    writeBox('tfdt', words([0x0100_0000]), longWord(decodeTime)),
    writeRun(samples, columns, dataOffset),
  );
}

function sizeOf({ samples }: TrackSamples): number {
  return samples.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/**
 * Writes samples as one fragment (`moof`, `mdat`; ISO/IEC 14496-12 8.8.4): the tracks in the order given, each one's bytes
 * together. What `readSamples` reads of it is what was given.
 * @returns its parts, one behind the other: media is not copied
 */
export function writeFragment({ sequence, tracks }: SegmentSamples): readonly Uint8Array[] {
  // Sizes do not depend on the offsets that stand in them, so they are written twice.
  const moofAt = (offsets: readonly number[]): Uint8Array =>
    writeBox(
      'moof',
      writeBox('mfhd', words([0, sequence])),
      ...tracks.map((track, index) => writeTrackFragment(track, offsets[index] ?? 0)),
    );
  const start = moofAt([]).length + BOX_HEADER_BYTES;
  let end = start;
  const offsets = tracks.map((track) => {
    const offset = end;
    end += sizeOf(track);
    return offset;
  });
  const media = tracks.flatMap(({ samples }) => samples.map(({ bytes }) => bytes));
  return [moofAt(offsets), boxHeader('mdat', end - start), ...media];
}

/** Whether a picture can be decoded without another one. */
export function isSync({ flags }: Sample): boolean {
  return (flags & NON_SYNC) === 0;
}
