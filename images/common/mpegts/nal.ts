import { byteAt } from './packet.ts';

/** nal_unit_type values (ISO/IEC 14496-10, table 7-1). */
export const NAL_TYPE = { slice: 1, idr: 5, sps: 7 } as const;

/** One NAL unit without its start code. */
export interface NalUnit {
  readonly type: number;
  /** With the header byte; emulation prevention bytes still inside. */
  readonly bytes: Uint8Array;
}

/**
 * NAL units of an H.264 byte stream (annex B), in order. The last one ends where `bytes` ends, so with a prefix of a
 * picture it may be cut off.
 */
export function* readNalUnits(bytes: Uint8Array): Generator<NalUnit> {
  let start = nextStartCode(bytes, 0);
  while (start < bytes.length) {
    const body = start + 3;
    const next = nextStartCode(bytes, body);
    if (body < bytes.length) yield { type: byteAt(bytes, body) & 0x1f, bytes: bytes.subarray(body, next) };
    start = next;
  }
}

/** Offset of the next 00 00 01, or the length where there is none. */
function nextStartCode(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 2 < bytes.length; at++) {
    if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1) return at;
  }
  return bytes.length;
}

/** The raw byte sequence payload: the unit without its emulation prevention bytes (00 00 03 becomes 00 00). */
export function withoutEmulationPrevention(unit: Uint8Array): Uint8Array {
  const out = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    const prevention = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    if (!prevention) out[length++] = byte;
  }
  return out.subarray(0, length);
}
