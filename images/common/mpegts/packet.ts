import { invalidTs } from './invalid.ts';

/** Length of a transport packet in bytes (ISO/IEC 13818-1, 2.4.3.2). */
export const PACKET_BYTES = 188;
/** First byte of every transport packet. */
export const SYNC_BYTE = 0x47;
/** PID of the program association table. */
export const PAT_PID = 0;
/** PID of null packets: stuffing without meaning, and without a continuity counter. */
export const NULL_PID = 0x1fff;
/** Continuity counters have four bits. */
export const COUNTER_MODULUS = 16;

/** The header of one transport packet; offsets count from the start of the bytes it was read from. */
export interface TsPacket {
  readonly pid: number;
  /** A PES packet or a PSI section begins in this packet. */
  readonly unitStart: boolean;
  /** A demodulator found an error that it could not correct. */
  readonly transportError: boolean;
  readonly scrambled: boolean;
  /** 0 to 15. */
  readonly counter: number;
  readonly hasPayload: boolean;
  /** First byte of the payload; equals `end` where there is none. */
  readonly payload: number;
  /** First byte behind the packet. */
  readonly end: number;
  readonly discontinuity: boolean;
  /** random_access_indicator: muxers set it on the packet with which a keyframe begins. */
  readonly randomAccess: boolean;
}

/**
 * Reads the packet that begins at `offset`.
 * @throws SluiceError TS_INVALID if it is cut off, lacks the sync byte, or its adaptation field is longer than the packet
 */
export function readPacket(bytes: Uint8Array, offset: number): TsPacket {
  const end = offset + PACKET_BYTES;
  if (end > bytes.length) {
    throw invalidTs(
      `transport packet at byte ${offset} is cut off after ${bytes.length - offset} of ${PACKET_BYTES} bytes`,
    );
  }
  if (bytes[offset] !== SYNC_BYTE) throw invalidTs(`no sync byte at byte ${offset}: not an MPEG transport stream`);
  const byte1 = byteAt(bytes, offset + 1);
  const byte3 = byteAt(bytes, offset + 3);
  const hasAdaptation = (byte3 & 0x20) !== 0;
  const hasPayload = (byte3 & 0x10) !== 0;
  const adaptationBytes = hasAdaptation ? byteAt(bytes, offset + 4) : 0;
  if (adaptationBytes > PACKET_BYTES - 5)
    throw invalidTs(`adaptation field at byte ${offset + 4} is longer than its packet`);
  const flags = adaptationBytes > 0 ? byteAt(bytes, offset + 5) : 0;
  return {
    pid: ((byte1 & 0x1f) << 8) | byteAt(bytes, offset + 2),
    unitStart: (byte1 & 0x40) !== 0,
    transportError: (byte1 & 0x80) !== 0,
    scrambled: (byte3 & 0xc0) !== 0,
    counter: byte3 & 0x0f,
    hasPayload,
    payload: hasPayload ? offset + (hasAdaptation ? 5 + adaptationBytes : 4) : end,
    end,
    discontinuity: (flags & 0x80) !== 0,
    randomAccess: (flags & 0x40) !== 0,
  };
}

/**
 * All packets of `bytes`, in order.
 * @throws SluiceError TS_INVALID at the first packet that is cut off or out of sync
 */
export function* readPackets(bytes: Uint8Array): Generator<TsPacket> {
  for (let offset = 0; offset < bytes.length; offset += PACKET_BYTES) yield readPacket(bytes, offset);
}

/** The byte at `offset`; 0 behind the end, which callers have excluded by a length check. */
export function byteAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}
