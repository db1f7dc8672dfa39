import { inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples, type Sample } from '@sluice/common/mp4/samples.ts';
import { readInit } from '@sluice/common/mp4/section.ts';
import { writeFragment } from '@sluice/common/mp4/write-fragment.ts';
import { readNalUnits, withoutEmulationPrevention } from '@sluice/common/mpegts/nal.ts';
import { readPackets } from '@sluice/common/mpegts/packet.ts';
import { readPesHeader } from '@sluice/common/mpegts/pes.ts';
import { findProgram } from '@sluice/common/mpegts/program.ts';
import { timesOf } from '../src/fragment/plan.ts';

/** nal_unit_type of Supplemental Enhancement Information, and of the first kind of slice behind it (ISO/IEC 14496-10, table 7-1). */
const SEI = 6;
const FIRST_SLICE = 1;
const LAST_SLICE = 5;
/** payloadType of user_data_registered_itu_t_t35 (ISO/IEC 14496-10 D.1). */
const REGISTERED_USER_DATA = 4;
/** Country USA, provider ATSC, "GA94", cc_data (ATSC A/53 part 4, 6.2.3). */
const ATSC_CAPTIONS = Buffer.from('b500314741393403', 'hex');
/** process_cc_data_flag, in front of cc_count. */
const PROCESS = 0x40;
/** FFmpeg's length of the length in front of a NAL unit. */
const LENGTH_BYTES = 4;

/** Pictures of a second: the frame rate of the film. */
const FRAME_RATE = 25;
/** Codes of CEA-608, channel 1, each sent twice: two lines that roll up, a new line, the lowest row in white. */
const ROLL_UP = [0x14, 0x25];
const NEW_LINE = [0x14, 0x2d];
const LOWEST_ROW = [0x14, 0x70];

/** Seven bits with the parity bit that makes the number of ones odd (CEA-608-E 4.3). */
function withParity(code: number): number {
  const ones = code.toString(2).replaceAll('0', '').length;
  return ones % 2 === 0 ? code | 0x80 : code;
}

/** Words that are sent in a second of film, and shown from then on. */
export function captionOf(second: number): string {
  return `Second ${second}.`;
}

/** Bytes of CEA-608 for each picture of a second, two of them; nothing is 0, 0. */
function pairsOf(second: number): readonly (readonly number[])[] {
  const text = captionOf(second);
  const letters = Array.from({ length: Math.ceil(text.length / 2) }, (_, index) =>
    [0, 1].map((of) => text.charCodeAt(2 * index + of) || 0),
  );
  return [ROLL_UP, ROLL_UP, NEW_LINE, NEW_LINE, LOWEST_ROW, LOWEST_ROW, ...letters];
}

/**
 * cc_data of a picture: what its second says by CEA-608, and its own number where CEA-708 would stand, so that no two
 * pictures have the same.
 */
function captionData(picture: number): Buffer {
  const pair = pairsOf(Math.floor(picture / FRAME_RATE))[picture % FRAME_RATE] ?? [0, 0];
  return Buffer.from([0xfc, ...pair.map(withParity), 0xfe, picture >> 8, picture & 0xff]);
}

/** 00 00 0x becomes 00 00 03 0x (ISO/IEC 14496-10 7.4.1). */
function withEmulationPrevention(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from(out);
}

/** A NAL unit with captions, as it stands in a sample. */
function captionUnit(data: Buffer): Buffer {
  const payload = Buffer.concat([
    ATSC_CAPTIONS,
    Buffer.from([PROCESS | (data.length / 3), 0xff]),
    data,
    Buffer.of(0xff),
  ]);
  const message = Buffer.from([SEI, REGISTERED_USER_DATA, payload.length]);
  const unit = withEmulationPrevention(Buffer.concat([message, payload, Buffer.of(0x80)]));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(unit.length);
  return Buffer.concat([length, unit]);
}

/** NAL units of a sample, without their lengths. */
function* unitsOf(sample: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  for (let at = 0; at < sample.length; ) {
    const end = at + LENGTH_BYTES + view.getUint32(at);
    yield sample.subarray(at + LENGTH_BYTES, end);
    at = end;
  }
}

const typeOf = (unit: Uint8Array): number => (unit[0] ?? 0) & 0x1f;

/** The sample with a NAL unit in front of its first slice. */
function withUnit(sample: Uint8Array, unit: Buffer): Buffer {
  let at = 0;
  for (const one of unitsOf(sample)) {
    if (typeOf(one) >= FIRST_SLICE && typeOf(one) <= LAST_SLICE) break;
    at += LENGTH_BYTES + one.length;
  }
  return Buffer.concat([sample.subarray(0, at), unit, sample.subarray(at)]);
}

/**
 * A film with captions in each of its pictures, as broadcasters send them.
 * @param film fragmented MP4 of H.264, its first track, in one file
 */
export function withCaptions(film: Uint8Array): Buffer {
  const { init, media } = readInit(film);
  const { sequence, tracks } = readSamples(media, inspectInit(init));
  const [pictures, ...others] = tracks;
  if (pictures === undefined) throw new Error('the film has no pictures');
  const times = timesOf(pictures.samples);
  const order = [...times].sort((left, right) => left - right);
  const samples = pictures.samples.map((sample, index): Sample => {
    const data = captionData(order.indexOf(times[index] ?? 0));
    return { ...sample, bytes: withUnit(sample.bytes, captionUnit(data)) };
  });
  return Buffer.concat([init, ...writeFragment({ sequence, tracks: [{ ...pictures, samples }, ...others] })]);
}

/** cc_data of the captions among these NAL units, in hexadecimal; empty where there are none. */
function captionsIn(units: Iterable<Uint8Array>): string {
  let found = '';
  for (const unit of units) {
    if (typeOf(unit) !== SEI) continue;
    const bytes = Buffer.from(withoutEmulationPrevention(unit));
    const at = bytes.indexOf(ATSC_CAPTIONS);
    if (at < 0) continue;
    const data = at + ATSC_CAPTIONS.length + 2;
    found += bytes.toString('hex', data, data + 3 * ((bytes[data - 2] ?? 0) & 0x1f));
  }
  return found;
}

/** Captions by the time at which their picture is shown, in the order of time. */
export type CaptionsByTime = readonly (readonly [time: string, data: string])[];

function sorted(captions: readonly (readonly [time: bigint, data: string])[]): CaptionsByTime {
  const ascending = captions.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return ascending.map(([time, data]) => [`${time}`, data]);
}

/** Captions of a segment of MPEG-TS, by PTS. */
export function captionsOfTransportStream(segment: Uint8Array): CaptionsByTime {
  const pid = findProgram(segment).video?.pid;
  const pictures: { readonly pts: number; readonly parts: Uint8Array[] }[] = [];
  for (const packet of readPackets(segment)) {
    if (packet.pid !== pid || !packet.hasPayload) continue;
    const payload = segment.subarray(packet.payload, packet.end);
    const header = packet.unitStart ? readPesHeader(payload) : null;
    if (typeof header?.pts === 'number') pictures.push({ pts: header.pts, parts: [] });
    pictures.at(-1)?.parts.push(payload.subarray(header?.headerBytes ?? 0));
  }
  return sorted(
    pictures.map(({ pts, parts }) => {
      const units = [...readNalUnits(Buffer.concat(parts))].map(({ bytes }) => bytes);
      return [BigInt(pts), captionsIn(units)] as const;
    }),
  );
}

/** Captions of a segment of fragmented MP4, by the ticks of its track. */
export function captionsOfFragments(section: Uint8Array, segment: Uint8Array): CaptionsByTime {
  const [pictures] = readSamples(segment, inspectInit(section)).tracks;
  if (pictures === undefined) return [];
  const times = timesOf(pictures.samples);
  return sorted(
    pictures.samples.map(
      ({ bytes }, index) => [pictures.decodeTime + BigInt(times[index] ?? 0), captionsIn(unitsOf(bytes))] as const,
    ),
  );
}
