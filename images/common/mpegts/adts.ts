import { byteAt } from './packet.ts';

/** Bytes of an ADTS header without its CRC. */
export const ADTS_HEADER_BYTES = 7;
/** sampling_frequency_index (ISO/IEC 14496-3, table 1.18). */
const SAMPLE_RATES_HZ: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/** What the header of an AAC frame says (ISO/IEC 13818-7, 6.2). */
export interface AdtsHeader {
  /** RFC 6381, e.g. `mp4a.40.2` for AAC-LC. */
  readonly codec: string;
  readonly sampleRateHz: number;
  /** Channels; 0 where a program config element inside the frame tells them. */
  readonly channels: number;
}

/** Reads the ADTS header at the start of `bytes`; null where there is none. */
export function readAdts(bytes: Uint8Array): AdtsHeader | null {
  if (bytes.length < ADTS_HEADER_BYTES || bytes[0] !== 0xff || (byteAt(bytes, 1) & 0xf6) !== 0xf0) return null;
  const byte2 = byteAt(bytes, 2);
  const sampleRateHz = SAMPLE_RATES_HZ[(byte2 >> 2) & 0x0f];
  if (sampleRateHz === undefined) return null;
  const configuration = ((byte2 & 1) << 2) | (byteAt(bytes, 3) >> 6);
  const channels = configuration === 7 ? 8 : configuration;
  return { codec: `mp4a.40.${(byte2 >> 6) + 1}`, sampleRateHz, channels };
}
