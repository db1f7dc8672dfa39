import { BitReader } from '../mpegts/bits.ts';
import { withoutEmulationPrevention } from '../mpegts/nal.ts';
import { type Box, invalidMp4, readFields } from './box.ts';
import { videoEntryBoxes } from './init.ts';

/** Bytes in front of the number of a sequence parameter set: header, profile, constraints, level (H.264 7.3.2.1.1). */
const BEFORE_SEQUENCE_NUMBER = 4;
/** In front of that of a picture parameter set: its header (H.264 7.3.2.2). */
const BEFORE_PICTURE_NUMBER = 1;
/** What a number may take behind that: 65 bits, with emulation prevention. */
const NUMBER_BYTES = 16;

/** The H.264 parameter sets that an initialization section gives to a decoder. */
export interface ParameterSets {
  /** NAL units, sequence parameter sets first. */
  readonly units: readonly Uint8Array[];
  /** By what they are referred to: `sequence 0`, `picture 0`. In a decoder a later one takes the place of an earlier one. */
  readonly names: readonly string[];
  /** Bytes of the length in front of each NAL unit of a sample: 1 to 4. */
  readonly lengthBytes: number;
}

/**
 * Reads the parameter sets of the first video track (ISO/IEC 14496-15 5.3.3.1), none where it is not H.264.
 * Throws MP4_INVALID where its configuration is cut off, TS_INVALID where a parameter set is.
 */
export function parameterSetsOf(init: Uint8Array): ParameterSets {
  const configuration = videoEntryBoxes(init).find(({ type }) => type === 'avcC');
  if (configuration === undefined) return { units: [], names: [], lengthBytes: 4 };
  return readFields('box "avcC"', () => readConfiguration(configuration));
}

function readConfiguration({ content }: Box): ParameterSets {
  let at = 6;
  const take = (count: number): Uint8Array[] =>
    Array.from({ length: count }, () => {
      const length = content.getUint16(at);
      at += 2 + length;
      if (length === 0 || at > content.byteLength) throw invalidMp4('a parameter set of box "avcC" is cut off');
      return new Uint8Array(content.buffer, content.byteOffset + at - length, length);
    });
  const sequence = take(content.getUint8(5) & 0x1f);
  const picture = take(content.getUint8(at++));
  const names = [
    ...sequence.map((unit) => `sequence ${numberOf(unit, BEFORE_SEQUENCE_NUMBER)}`),
    ...picture.map((unit) => `picture ${numberOf(unit, BEFORE_PICTURE_NUMBER)}`),
  ];
  return { units: [...sequence, ...picture], names, lengthBytes: (content.getUint8(4) & 3) + 1 };
}

function numberOf(unit: Uint8Array, before: number): number {
  const start = withoutEmulationPrevention(unit.subarray(0, before + NUMBER_BYTES));
  return new BitReader(start.subarray(before)).unsigned();
}

/** NAL units as a sample has them, each behind its length. @param lengthBytes of {@link ParameterSets} */
export function inSample(units: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  return Buffer.concat(
    units.flatMap((unit) => {
      const length = Buffer.alloc(lengthBytes);
      length.writeUIntBE(unit.length, 0, lengthBytes);
      return [length, unit];
    }),
  );
}
