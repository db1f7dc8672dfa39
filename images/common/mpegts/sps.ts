import { BitReader } from './bits.ts';
import { invalidTs } from './invalid.ts';
import { withoutEmulationPrevention } from './nal.ts';

/** Largest side of a picture in pixels: level 6.2 allows 16,880 (ISO/IEC 14496-10, A.3). */
const MAX_SIDE_PIXELS = 16_880;
/** aspect_ratio_idc that is followed by its own ratio. */
const EXTENDED_SAR = 255;
/** profile_idc values whose SPS tells its chroma format (ISO/IEC 14496-10, 7.3.2.1.1). */
const HIGH_PROFILES: readonly number[] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/** What a sequence parameter set says about the picture. */
export interface SequenceParameters {
  /** RFC 6381: `avc1.` with profile, constraints and level in hexadecimal. */
  readonly codec: string;
  /** Pixels after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames per 1000 seconds from the VUI's timing; null where it has none. */
  readonly frameRateMilli: number | null;
}

/**
 * Reads an H.264 sequence parameter set (ISO/IEC 14496-10, 7.3.2.1.1), given with its NAL header byte.
 * @throws SluiceError TS_INVALID where it is cut off or its values are impossible
 */
export function readSps(unit: Uint8Array): SequenceParameters {
  const rbsp = withoutEmulationPrevention(unit);
  if (rbsp.length < 4) throw invalidTs('parameter set ends too early');
  const profile = rbsp.subarray(1, 4);
  const reader = new BitReader(rbsp.subarray(4));
  const codec = `avc1.${Buffer.from(profile).toString('hex')}`;
  reader.unsigned();
  const chroma = HIGH_PROFILES.includes(profile[0] ?? 0) ? readChroma(reader) : { subWidth: 2, subHeight: 2 };
  skipFrameNumbering(reader);
  const size = readSize(reader, chroma);
  const frameRateMilli = reader.flag() ? readFrameRate(reader) : null;
  return { codec, ...size, frameRateMilli };
}

interface Chroma {
  readonly subWidth: number;
  readonly subHeight: number;
}

/** Chroma format, bit depths and scaling lists; only the chroma format matters, for the cropping unit (table 6-1). */
function readChroma(reader: BitReader): Chroma {
  const format = reader.unsigned();
  if (format > 3) throw invalidTs(`parameter set has chroma format ${format}`);
  const separatePlanes = format === 3 && reader.flag();
  reader.unsigned();
  reader.unsigned();
  reader.bits(1);
  if (reader.flag()) skipScalingLists(reader, format === 3 ? 12 : 8);
  if (format === 0 || separatePlanes) return { subWidth: 1, subHeight: 1 };
  return { subWidth: format === 3 ? 1 : 2, subHeight: format === 1 ? 2 : 1 };
}

function skipScalingLists(reader: BitReader, count: number): void {
  for (let list = 0; list < count; list++) {
    if (!reader.flag()) continue;
    let last = 8;
    let next = 8;
    for (let i = 0; i < (list < 6 ? 16 : 64); i++) {
      if (next !== 0) next = (last + reader.signed() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

/** log2_max_frame_num up to gaps_in_frame_num_value_allowed_flag. */
function skipFrameNumbering(reader: BitReader): void {
  reader.unsigned();
  const orderType = reader.unsigned();
  if (orderType === 0) reader.unsigned();
  if (orderType === 1) {
    reader.bits(1);
    reader.signed();
    reader.signed();
    const cycle = reader.unsigned();
    if (cycle > 255) throw invalidTs(`parameter set has ${cycle} reference frames in its order cycle`);
    for (let i = 0; i < cycle; i++) reader.signed();
  }
  reader.unsigned();
  reader.bits(1);
}

function readSize(reader: BitReader, chroma: Chroma): { width: number; height: number } {
  const widthMacroblocks = reader.unsigned() + 1;
  const heightMapUnits = reader.unsigned() + 1;
  const fieldFactor = reader.flag() ? 1 : 2;
  if (fieldFactor === 2) reader.bits(1);
  reader.bits(1);
  let width = widthMacroblocks * 16;
  let height = heightMapUnits * fieldFactor * 16;
  if (reader.flag()) {
    width -= chroma.subWidth * (reader.unsigned() + reader.unsigned());
    height -= chroma.subHeight * fieldFactor * (reader.unsigned() + reader.unsigned());
  }
  if (width < 1 || height < 1 || width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS) {
    throw invalidTs(`parameter set has an impossible picture size of ${width} x ${height}`);
  }
  return { width, height };
}

/** VUI up to its timing (ISO/IEC 14496-10, E.1.1): a frame lasts two ticks. */
function readFrameRate(reader: BitReader): number | null {
  if (reader.flag() && reader.bits(8) === EXTENDED_SAR) reader.bits(32);
  if (reader.flag()) reader.bits(1);
  if (reader.flag()) {
    reader.bits(4);
    if (reader.flag()) reader.bits(24);
  }
  if (reader.flag()) {
    reader.unsigned();
    reader.unsigned();
  }
  if (!reader.flag()) return null;
  const ticks = reader.bits(32);
  const timeScale = reader.bits(32);
  return ticks === 0 || timeScale === 0 ? null : Math.round((timeScale * 1000) / (2 * ticks));
}
