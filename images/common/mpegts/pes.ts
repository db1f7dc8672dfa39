import { invalidTs } from './invalid.ts';
import { byteAt } from './packet.ts';

/** Bytes of a PES header that are always there when a stream carries timestamps: up to and with PES_header_data_length. */
const FIXED_HEADER_BYTES = 9;
/** Longest PES header: the fixed part and 255 bytes that its length byte can announce. */
export const MAX_PES_HEADER_BYTES = FIXED_HEADER_BYTES + 255;

/** The header of a PES packet (ISO/IEC 13818-1, 2.4.3.6). */
export interface PesHeader {
  readonly streamId: number;
  /** 90 kHz, 33 bit; null where the packet has none. */
  readonly pts: number | null;
  /** Decoding time; equals `pts` where only that is sent. */
  readonly dts: number | null;
  /** Length of the header in bytes: the elementary stream begins behind it. */
  readonly headerBytes: number;
}

/**
 * Reads the header at the start of a PES packet.
 * @returns null where `bytes` ends inside the header
 * @throws SluiceError TS_INVALID where this is no PES packet or the header contradicts itself
 */
export function readPesHeader(bytes: Uint8Array): PesHeader | null {
  if (bytes.length < FIXED_HEADER_BYTES) return null;
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 1)
    throw invalidTs('PES packet does not begin with its start code');
  const streamId = byteAt(bytes, 3);
  if (!carriesTimestamps(streamId)) return { streamId, pts: null, dts: null, headerBytes: 6 };
  if ((byteAt(bytes, 6) & 0xc0) !== 0x80) throw invalidTs('PES header is not in the syntax of MPEG-2');
  const headerBytes = FIXED_HEADER_BYTES + byteAt(bytes, 8);
  if (bytes.length < headerBytes) return null;
  const flags = byteAt(bytes, 7) >> 6;
  const needed = flags === 3 ? 10 : flags === 2 ? 5 : 0;
  if (headerBytes - FIXED_HEADER_BYTES < needed) throw invalidTs('PES header is too short for its timestamps');
  const pts = needed > 0 ? readTimestamp(bytes, 9) : null;
  const dts = needed === 10 ? readTimestamp(bytes, 14) : pts;
  return { streamId, pts, dts, headerBytes };
}

/** Stream ids whose packets have the optional header; the others (padding, ECM, DSM-CC, ...) carry bare bytes. */
function carriesTimestamps(streamId: number): boolean {
  return ![0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff].includes(streamId);
}

/** 33 bits in five bytes with marker bits between; multiplied, since shifts end at 32 bits. */
function readTimestamp(bytes: Uint8Array, at: number): number {
  const high = (byteAt(bytes, at) >> 1) & 0x07;
  const middle = (byteAt(bytes, at + 1) << 7) | (byteAt(bytes, at + 2) >> 1);
  const low = (byteAt(bytes, at + 3) << 7) | (byteAt(bytes, at + 4) >> 1);
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
