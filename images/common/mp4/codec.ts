import { type Box, fourccAt, invalidMp4, readBoxes, readFields } from './box.ts';

/** Descriptor tags of ISO/IEC 14496-1 7.2.2.1. */
const ES_DESCRIPTOR = 3;
const DECODER_CONFIG_DESCRIPTOR = 4;
const DECODER_SPECIFIC_INFO = 5;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function bytesOf(box: Box): Uint8Array {
  return new Uint8Array(box.content.buffer, box.content.byteOffset, box.content.byteLength);
}

/** ISO/IEC 14496-15 5.3.3.1: profile, constraints and level stand behind the version. */
function avc(entry: string, box: Box): string {
  const { content } = box;
  return `${entry}.${[1, 2, 3].map((at) => hex(content.getUint8(at), 2)).join('')}`;
}

/** ISO/IEC 14496-15 E.3: profile space and number, compatibility bits reversed, tier and level, constraints. */
function hevc(entry: string, box: Box): string {
  const { content } = box;
  const first = content.getUint8(1);
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  const compatibility = content.getUint32(2).toString(2).padStart(32, '0').split('').reverse().join('');
  const constraints = [...bytesOf(box).subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    entry,
    `${space}${first & 0x1f}`,
    Number.parseInt(compatibility, 2).toString(16).toUpperCase(),
    `${(first & 0x20) === 0 ? 'L' : 'H'}${content.getUint8(12)}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join('.');
}

/** AV1 in ISOBMFF, 5: profile, level, tier and bit depth. */
function av1(box: Box): string {
  const second = box.content.getUint8(1);
  const third = box.content.getUint8(2);
  const profile = second >> 5;
  const high = (third & 0x40) !== 0;
  const depth = high ? (profile === 2 && (third & 0x20) !== 0 ? '12' : '10') : '08';
  return `av01.${profile}.${String(second & 0x1f).padStart(2, '0')}${(third & 0x80) === 0 ? 'M' : 'H'}.${depth}`;
}

/** VP Codec ISO Media File Format Binding: profile, level and bit depth behind the version. */
function vp9(box: Box): string {
  const values = [4, 5].map((at) => box.content.getUint8(at));
  return `vp09.${[...values, box.content.getUint8(6) >> 4].map((value) => String(value).padStart(2, '0')).join('.')}`;
}

/** The content of the first descriptor with a tag (ISO/IEC 14496-1 8.3.3: lengths of up to four times 7 bits). */
function descriptor(bytes: Uint8Array, tag: number): Uint8Array | null {
  let at = 0;
  while (at < bytes.length) {
    const found = bytes[at];
    let length = 0;
    let digits = 0;
    do {
      at += 1;
      digits += 1;
      length = (length << 7) | ((bytes[at] ?? 0) & 0x7f);
    } while (((bytes[at] ?? 0) & 0x80) !== 0 && digits < 4);
    at += 1;
    if (found === tag) return bytes.subarray(at, at + length);
    at += length;
  }
  return null;
}

/** RFC 6381 3.3: object type indication, and for MPEG-4 audio the audio object type. */
function mpeg4Audio(box: Box): string {
  const stream = descriptor(bytesOf(box).subarray(4), ES_DESCRIPTOR);
  const flags = stream?.[2] ?? 0;
  // Optional fields of the ES descriptor: depends on another stream, URL, OCR stream.
  const url = (flags & 0x40) === 0 ? 0 : 1 + (stream?.[3 + ((flags & 0x80) === 0 ? 0 : 2)] ?? 0);
  const skipped = 3 + ((flags & 0x80) === 0 ? 0 : 2) + url + ((flags & 0x20) === 0 ? 0 : 2);
  const config = stream === null ? null : descriptor(stream.subarray(skipped), DECODER_CONFIG_DESCRIPTOR);
  if (config?.[0] === undefined) throw invalidMp4('the audio track has no decoder configuration');
  if (config[0] !== 0x40) return `mp4a.${hex(config[0], 2)}`;
  const specific = descriptor(config.subarray(13), DECODER_SPECIFIC_INFO);
  const first = specific?.[0] ?? 0;
  const type = first >> 3;
  return `mp4a.40.${type === 31 ? 32 + (((first & 7) << 3) | ((specific?.[1] ?? 0) >> 5)) : type}`;
}

type Reader = readonly [configuration: string, read: (box: Box) => string];

const READERS: Readonly<Record<string, Reader>> = {
  avc1: ['avcC', (box) => avc('avc1', box)],
  avc3: ['avcC', (box) => avc('avc3', box)],
  hvc1: ['hvcC', (box) => hevc('hvc1', box)],
  hev1: ['hvcC', (box) => hevc('hev1', box)],
  av01: ['av1C', av1],
  vp09: ['vpcC', vp9],
  mp4a: ['esds', mpeg4Audio],
};

/** Types of sample entries whose samples are encrypted (ISO/IEC 14496-12 8.12). */
const PROTECTED: ReadonlySet<string> = new Set(['encv', 'enca']);

/** What a sample entry says of its samples. */
export interface SampleFormat {
  /** RFC 6381, of what they are once they are decrypted. */
  readonly codec: string;
  /** The scheme by which they are encrypted, e.g. `cenc` or `cbcs` (ISO/IEC 23001-7); null where they are clear. */
  readonly encryption: string | null;
}

/**
 * What samples are of. `entry` is the type of their sample entry, `boxes` what it holds behind its fixed fields. A sample entry
 * that needs no more is its own name (`ac-3`, `ec-3`, `Opus`, `fLaC`).
 * Throws MP4_INVALID for broken configurations, and encrypted samples of which nothing is said.
 */
export function sampleFormat(entry: string, boxes: readonly Box[]): SampleFormat {
  if (!PROTECTED.has(entry)) return { codec: codecName(entry, boxes), encryption: null };
  const sinf = boxes.find(({ type }) => type === 'sinf');
  const inner = sinf === undefined ? [] : readBoxes(sinf.content);
  const original = inner.find(({ type }) => type === 'frma');
  if (original === undefined) throw invalidMp4(`a track is encrypted ("${entry}"), and does not say what it was`);
  const format = readFields('box "frma"', () => fourccAt(original.content, 0));
  const scheme = inner.find(({ type }) => type === 'schm');
  return {
    codec: codecName(format, boxes),
    // Behind version and flags.
    encryption: scheme === undefined ? entry : readFields('box "schm"', () => fourccAt(scheme.content, 4)),
  };
}

function codecName(entry: string, boxes: readonly Box[]): string {
  const reader = READERS[entry];
  if (reader === undefined) return entry.trim();
  const [type, read] = reader;
  const box = boxes.find((one) => one.type === type);
  return box === undefined ? entry : readFields(`box "${type}"`, () => read(box));
}
