import { createCipheriv } from 'node:crypto';
import { type Box, child, readBoxes, wholeBox } from '@sluice/common/mp4/box.ts';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples, type TrackSamples } from '@sluice/common/mp4/samples.ts';
import { words, writeBox } from '@sluice/common/mp4/write.ts';

/** Schemes of Common Encryption (ISO/IEC 23001-7 10): counter mode of everything, and blocks of a pattern. */
export type Scheme = 'cenc' | 'cbcs';

/** How a film is encrypted. */
export interface Encryption {
  readonly scheme: Scheme;
  /** 16 bytes each; `vector` is the constant one of `cbcs`, and its first half that of the first sample of `cenc`. */
  readonly key: Buffer;
  readonly keyId: Buffer;
  readonly vector: Buffer;
}

/** A block of AES, in bytes. */
const BLOCK = 16;
/** Bytes of a picture's slice that stay clear: its length, its type and its header, which decoders of hardware read. */
const CLEAR_OF_SLICE = 4 + BLOCK * 6;
/** Of ten blocks of a picture `cbcs` encrypts the first one (ISO/IEC 23001-7 10.4.2). */
const PATTERN_BLOCKS = 10;
/** `SystemID` by which a `pssh` box lists nothing but keys, for ClearKey (W3C "cenc" Initialization Data Format, 4). */
const COMMON_SYSTEM = Buffer.from('1077efecc0b24d02ace33c1e52e2fb4b', 'hex');

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The bytes of a view. */
function bytesOf({ content }: Box): Buffer {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

function protectionOf({ scheme, keyId, vector }: Encryption, format: string, isPicture: boolean): Uint8Array {
  const pattern = scheme === 'cbcs' && isPicture ? (1 << 4) | (PATTERN_BLOCKS - 1) : 0;
  const tenc =
    scheme === 'cenc'
      ? [words([0]), Buffer.from([0, 0, 1, 8]), keyId]
      : [words([0x0100_0000]), Buffer.from([0, pattern, 1, 0]), keyId, Buffer.from([vector.length]), vector];
  return writeBox(
    'sinf',
    writeBox('frma', ascii(format)),
    writeBox('schm', words([0]), ascii(scheme), words([0x1_0000])),
    writeBox('schi', writeBox('tenc', ...tenc)),
  );
}

/** A sample entry that says how its samples are encrypted (ISO/IEC 14496-12 8.12). */
function protectedEntry(entry: Box, encryption: Encryption): Uint8Array {
  const type = entry.type.startsWith('avc') ? 'encv' : 'enca';
  const sinf = protectionOf(encryption, entry.type, type === 'encv');
  return writeBox(type, bytesOf(entry), sinf);
}

const CONTAINERS: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

/** The boxes of an initialization section with every sample entry protected. */
function protectedBoxes(boxes: readonly Box[], encryption: Encryption): readonly Uint8Array[] {
  return boxes.map((one) => {
    if (one.type === 'stsd') {
      const [head, entries] = [bytesOf(one).subarray(0, 8), bytesOf(one).subarray(8)];
      return writeBox('stsd', head, ...readBoxes(entries).map((entry) => protectedEntry(entry, encryption)));
    }
    if (!CONTAINERS.has(one.type)) return wholeBox(one);
    const inner = protectedBoxes(readBoxes(one.content), encryption);
    return writeBox(one.type, ...inner, ...(one.type === 'moov' ? [keysBox(encryption)] : []));
  });
}

/** A `pssh` box by which browsers ask ClearKey for the key. */
function keysBox({ keyId }: Encryption): Uint8Array {
  return writeBox('pssh', words([0x0100_0000]), COMMON_SYSTEM, words([1]), keyId, words([0]));
}

/** An initialization section of the same film, encrypted. */
export function encryptedInit(init: Uint8Array, encryption: Encryption): Buffer {
  return Buffer.concat(protectedBoxes(readBoxes(init), encryption));
}

/** A stretch of a sample: bytes that stay clear, then encrypted ones. */
interface Subsample {
  readonly clear: number;
  readonly secret: number;
}

/** How a picture of H.264 is parted: in front of each slice, and of its header, everything is clear. */
function subsamplesOf(picture: Uint8Array, scheme: Scheme): readonly Subsample[] {
  const view = Buffer.from(picture.buffer, picture.byteOffset, picture.length);
  const parts: Subsample[] = [];
  let clear = 0;
  for (let at = 0; at < view.length; ) {
    const length = 4 + view.readUInt32BE(at);
    const type = (view[at + 4] ?? 0) & 0x1f;
    const rest = type === 1 || type === 5 ? Math.max(0, length - CLEAR_OF_SLICE) : 0;
    // Counter mode has whole blocks in each stretch, so that the next one begins with a block (ISO/IEC 23001-7 9.5.2.3).
    const secret = scheme === 'cenc' ? rest - (rest % BLOCK) : rest;
    clear += length - secret;
    if (secret > 0) {
      parts.push({ clear, secret });
      clear = 0;
    }
    at += length;
  }
  return clear > 0 || parts.length === 0 ? [...parts, { clear, secret: 0 }] : parts;
}

/** Encrypts the bytes of one stretch where they stand, by the pattern of `cbcs`. */
function encryptPattern(bytes: Uint8Array, { key, vector }: Encryption, everyBlocks: number): void {
  const cipher = createCipheriv('aes-128-cbc', key, vector).setAutoPadding(false);
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK * everyBlocks) {
    bytes.set(cipher.update(bytes.subarray(at, at + BLOCK)), at);
  }
}

/** Encrypts a sample where it stands. @returns what `senc` says of it; null where it has nothing to say */
function encryptSample(bytes: Uint8Array, isPicture: boolean, sample: bigint, encryption: Encryption): Buffer | null {
  const { scheme, key, vector } = encryption;
  const parts = isPicture ? subsamplesOf(bytes, scheme) : [{ clear: 0, secret: bytes.length }];
  const own = Buffer.from(vector.subarray(0, 8));
  own.writeBigUInt64BE(BigInt.asUintN(64, own.readBigUInt64BE() + sample));
  const counter = createCipheriv('aes-128-ctr', key, Buffer.concat([own, Buffer.alloc(8)]));
  let at = 0;
  for (const { clear, secret } of parts) {
    const stretch = bytes.subarray(at + clear, at + clear + secret);
    if (scheme === 'cenc') stretch.set(counter.update(stretch));
    else encryptPattern(stretch, encryption, isPicture ? PATTERN_BLOCKS : 1);
    at += clear + secret;
  }
  if (!isPicture) return scheme === 'cenc' ? own : null;
  const said = Buffer.alloc(2 + 6 * parts.length);
  said.writeUInt16BE(parts.length);
  parts.forEach(({ clear, secret }, index) => {
    said.writeUInt16BE(clear, 2 + 6 * index);
    said.writeUInt32BE(secret, 4 + 6 * index);
  });
  return scheme === 'cenc' ? Buffer.concat([own, said]) : said;
}

/** Boxes about a track's encrypted samples. */
interface Auxiliary {
  /** `saiz`. */
  readonly sizes: Uint8Array;
  /** `senc`. */
  readonly samples: Uint8Array;
}

function auxiliaryOf(track: TrackSamples, isPicture: boolean, first: bigint, encryption: Encryption): Auxiliary | null {
  const said = track.samples.map(({ bytes }, index) =>
    encryptSample(bytes, isPicture, first + BigInt(index), encryption),
  );
  const all = said.filter((one) => one !== null);
  if (all.length === 0) return null;
  return {
    sizes: writeBox(
      'saiz',
      words([0]),
      Buffer.from([0]),
      words([all.length]),
      Buffer.from(all.map((one) => one.length)),
    ),
    samples: writeBox('senc', words([isPicture ? 2 : 0, all.length]), ...all),
  };
}

/** A `trun` whose samples stand some bytes farther from the `moof`'s beginning. */
function movedRun(run: Box, bytes: number): Uint8Array {
  const content = Buffer.from(bytesOf(run));
  content.writeInt32BE(content.readInt32BE(8) + bytes, 8);
  return writeBox('trun', content);
}

/** Header of a box, and version, flags and count of `senc`: what stands before its first sample. */
const BEFORE_SAMPLES = 8 + 8;
/** A `saio` box of one offset. */
const OFFSETS_BYTES = 20;

/**
 * A media segment of the same film, encrypted. It has one fragment, whose offsets count from its beginning, as FFmpeg writes it.
 * @param init of the clear film @param first number of the segment's first sample, which no other one has
 */
export function encryptedSegment(segment: Uint8Array, init: Uint8Array, first: bigint, encryption: Encryption): Buffer {
  const clear = Buffer.from(segment);
  const inspection = inspectInit(init);
  const pictures = inspection.video?.id;
  const { tracks } = readSamples(clear, inspection);
  const auxiliary = new Map(
    tracks.map((track) => [
      track.trackId,
      auxiliaryOf(track, track.trackId === pictures, first + (track.trackId === pictures ? 0n : 1n << 32n), encryption),
    ]),
  );
  const growth = [...auxiliary.values()].reduce(
    (sum, one) => sum + (one === null ? 0 : one.sizes.length + OFFSETS_BYTES + one.samples.length),
    0,
  );
  // An index of the file (`sidx`) would count the bytes that it had.
  const boxes = readBoxes(clear).filter(({ type }) => type !== 'sidx');
  return Buffer.concat(
    boxes.map((one) => (one.type === 'moof' ? protectedMoof(one, auxiliary, growth) : wholeBox(one))),
  );
}

function protectedMoof(moof: Box, auxiliary: ReadonlyMap<number, Auxiliary | null>, growth: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 8;
  for (const one of readBoxes(moof.content)) {
    const part = one.type === 'traf' ? protectedTrack(one, auxiliary, growth, at) : wholeBox(one);
    parts.push(part);
    at += part.length;
  }
  return writeBox('moof', ...parts);
}

/** @param at of the `traf` from the `moof`'s beginning */
function protectedTrack(
  traf: Box,
  auxiliary: ReadonlyMap<number, Auxiliary | null>,
  growth: number,
  at: number,
): Uint8Array {
  const boxes = readBoxes(traf.content);
  const own = auxiliary.get(child(boxes, 'tfhd').content.getUint32(4)) ?? null;
  const parts = boxes.map((one) => (one.type === 'trun' ? movedRun(one, growth) : wholeBox(one)));
  if (own === null) return writeBox('traf', ...parts);
  const before = parts.reduce((sum, part) => sum + part.length, at + 8 + own.sizes.length + OFFSETS_BYTES);
  return writeBox('traf', ...parts, own.sizes, writeBox('saio', words([0, 1, before + BEFORE_SAMPLES])), own.samples);
}
