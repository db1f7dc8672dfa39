import { invalidTs } from './invalid.ts';
import type { TsPacket } from './packet.ts';
import { byteAt } from './packet.ts';

/** Longest section of PAT and PMT: 3 bytes of header and the 1021 that section_length may say. */
const MAX_SECTION_BYTES = 1024;
/** Shortest complete section with its CRC: 8 bytes of header, 4 of CRC. */
const MIN_SECTION_BYTES = 12;
const CRC_BYTES = 4;
const PAT_TABLE_ID = 0;
const PMT_TABLE_ID = 2;

/** stream_type values that this project knows by name (ISO/IEC 13818-1, table 2-34). */
export const STREAM_TYPE = {
  mpeg1Audio: 0x03,
  mpeg2Audio: 0x04,
  aacAdts: 0x0f,
  aacLatm: 0x11,
  mpeg2Video: 0x02,
  h264: 0x1b,
  hevc: 0x24,
  ac3: 0x81,
  eac3: 0x87,
} as const;

/** One elementary stream of a program. */
export interface ElementaryStream {
  readonly pid: number;
  readonly streamType: number;
}

/** The program map table: what a program consists of. */
export interface ProgramMap {
  readonly pcrPid: number;
  readonly streams: readonly ElementaryStream[];
}

/** Puts the sections of one PID together; holds at most one section of 1024 bytes. */
export class SectionReader {
  #parts: Uint8Array = new Uint8Array(0);
  #collecting = false;

  /**
   * Takes the next packet of the PID.
   * @returns the section that this packet completes, else null
   */
  push(bytes: Uint8Array, packet: TsPacket): Uint8Array | null {
    const payload = bytes.subarray(packet.payload, packet.end);
    if (!packet.unitStart) return this.#append(payload);
    const pointer = 1 + byteAt(payload, 0);
    const finished = this.#append(payload.subarray(1, pointer));
    this.#parts = new Uint8Array(0);
    this.#collecting = true;
    const begun = this.#append(payload.subarray(pointer));
    return begun ?? finished;
  }

  #append(more: Uint8Array): Uint8Array | null {
    if (!this.#collecting || more.length === 0) return null;
    const joined = new Uint8Array(this.#parts.length + more.length);
    joined.set(this.#parts);
    joined.set(more, this.#parts.length);
    this.#parts = joined;
    if (joined.length < 3) return null;
    const length = 3 + (((byteAt(joined, 1) & 0x0f) << 8) | byteAt(joined, 2));
    if (joined.length < length && length <= MAX_SECTION_BYTES) return null;
    this.#collecting = false;
    this.#parts = new Uint8Array(0);
    return joined.subarray(0, length);
  }
}

/**
 * PID of the program map table of the first program in a PAT section.
 * @throws SluiceError TS_INVALID for another table, a wrong CRC, or a PAT without programs
 */
export function readPat(section: Uint8Array): number {
  checkSection(section, PAT_TABLE_ID, 'PAT');
  for (let at = 8; at + 4 <= section.length - CRC_BYTES; at += 4) {
    const program = uint16(section, at);
    if (program !== 0) return uint16(section, at + 2) & 0x1fff;
  }
  throw invalidTs('PAT names no program');
}

/**
 * Reads a PMT section.
 * @throws SluiceError TS_INVALID for another table, a wrong CRC, or lengths that do not fit
 */
export function readPmt(section: Uint8Array): ProgramMap {
  checkSection(section, PMT_TABLE_ID, 'PMT');
  const end = section.length - CRC_BYTES;
  const streams: ElementaryStream[] = [];
  let at = 12 + (uint16(section, 10) & 0x0fff);
  while (at + 5 <= end) {
    streams.push({ streamType: byteAt(section, at), pid: uint16(section, at + 1) & 0x1fff });
    at += 5 + (uint16(section, at + 3) & 0x0fff);
  }
  if (at !== end) throw invalidTs('PMT: the lengths of its descriptors do not fit the section');
  return { pcrPid: uint16(section, 8) & 0x1fff, streams };
}

function checkSection(section: Uint8Array, tableId: number, name: string): void {
  if (section.length < MIN_SECTION_BYTES || section.length > MAX_SECTION_BYTES) {
    throw invalidTs(`${name} has ${section.length} bytes, outside ${MIN_SECTION_BYTES} to ${MAX_SECTION_BYTES}`);
  }
  if (section[0] !== tableId) throw invalidTs(`${name} has table id ${section[0]} instead of ${tableId}`);
  const length = 3 + (uint16(section, 1) & 0x0fff);
  if (length !== section.length) throw invalidTs(`${name} is cut off`);
  if (crc32Mpeg(section) !== 0) throw invalidTs(`${name} has a wrong checksum`);
}

function uint16(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
}

/**
 * CRC-32/MPEG-2 (ISO/IEC 13818-1, annex A) as an unsigned number: over a section with its own CRC at the end it is 0.
 * Bit by bit: sections are short and rare.
 */
export function crc32Mpeg(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 || crc >= 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}
