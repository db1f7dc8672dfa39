/** A box with this content. */
export function box(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(content.length + 8);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, content]);
}

/** Numbers of 32 bits. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => void bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
}

const zeros = (count: number): Buffer => Buffer.alloc(count);

/** H.264 High profile, level 3.1, without parameter sets. */
const AVC_CONFIGURATION = box('avcC', [1, 0x64, 0x00, 0x1f, 0xff, 0xe0, 0]);
/** AAC-LC, 48 kHz, stereo: an ES descriptor with a decoder configuration in it. */
const AAC_CONFIGURATION = box('esds', zeros(4), [
  3,
  25,
  0,
  1,
  0,
  4,
  17,
  0x40,
  0x15,
  ...zeros(11),
  5,
  2,
  0x11,
  0x90,
  6,
  1,
  2,
]);

/** What tests choose of an initialization section. */
export interface TestInit {
  readonly width?: number;
  readonly height?: number;
  /** Type and configuration of the video track's sample entry. */
  readonly video?: readonly [entry: string, configuration: Uint8Array] | null;
  readonly audio?: readonly [entry: string, configuration: Uint8Array] | null;
}

const VIDEO_TIMESCALE = 12_800;
const AUDIO_TIMESCALE = 48_000;
/** A frame at 25 per second. */
const FRAME_TICKS = 512;
const NON_SYNC = 0x0101_0000;
const SYNC = 0x0200_0000;

function track(id: number, handler: string, timescale: number, entry: Uint8Array): Buffer {
  const stbl = box('stbl', box('stsd', words(0, 1), entry));
  return box(
    'trak',
    box('tkhd', words(7, 0, 0, id), zeros(68)),
    box(
      'mdia',
      box('mdhd', words(0, 0, 0, timescale, 0), zeros(4)),
      box('hdlr', words(0, 0), Buffer.from(handler), zeros(13)),
      box('minf', stbl),
    ),
  );
}

/** An initialization section: by default H.264 of 1280x720 as track 1 and AAC as track 2. */
export function makeInit(options: TestInit = {}): Buffer {
  const {
    width = 1280,
    height = 720,
    video = ['avc1', AVC_CONFIGURATION],
    audio = ['mp4a', AAC_CONFIGURATION],
  } = options;
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  const tracks: Buffer[] = [];
  if (video !== null) {
    const entry = box(video[0], zeros(24), size, zeros(50), video[1]);
    tracks.push(track(1, 'vide', VIDEO_TIMESCALE, entry));
  }
  if (audio !== null) {
    const entry = box(audio[0], zeros(16), [0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0], audio[1]);
    tracks.push(track(2, 'soun', AUDIO_TIMESCALE, entry));
  }
  const extends_ = box(
    'mvex',
    box('trex', words(0, 1, 1, FRAME_TICKS, 0, NON_SYNC)),
    box('trex', words(0, 2, 1, 1024, 0, 0)),
  );
  return Buffer.concat([
    box('ftyp', Buffer.from('iso5'), words(512)),
    box('moov', box('mvhd', words(0, 0, 0, 1000), zeros(84)), ...tracks, extends_),
  ]);
}

/** What tests choose of a segment. */
export interface TestFragment {
  readonly startSeconds: number;
  readonly durationSeconds: number;
  /** False: the first picture is no keyframe. */
  readonly keyframe?: boolean;
  /** Tracks that have samples in it, by id. */
  readonly tracks?: readonly number[];
}

/** A media segment of {@link makeInit}'s tracks: frames of a few bytes, 25 pictures per second. */
export function makeFragment(options: TestFragment): Buffer {
  const { startSeconds, durationSeconds, keyframe = true, tracks = [1, 2] } = options;
  const runs = tracks.map((id) => {
    const [timescale, ticks] = id === 1 ? [VIDEO_TIMESCALE, FRAME_TICKS] : [AUDIO_TIMESCALE, 1024];
    const samples = Math.round((durationSeconds * timescale) / ticks);
    const first = id === 1 && !keyframe ? NON_SYNC : SYNC;
    // Flags: data offset, flags of the first sample, sizes.
    const run = words(0x205, samples, 0, first, ...Array.from({ length: samples }, () => 4));
    const start = Math.round(startSeconds * timescale);
    const traf = box(
      'traf',
      box('tfhd', words(0x02_0000, id)),
      box('tfdt', words(0x0100_0000, Math.floor(start / 2 ** 32), start % 2 ** 32)),
      box('trun', run),
    );
    return { traf, bytes: 4 * samples };
  });
  const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
  const moof = box('moof', box('mfhd', words(0, 1)), ...runs.map(({ traf }) => traf));
  return Buffer.concat([box('styp', Buffer.from('msdh'), words(0)), moof, box('mdat', zeros(bytes))]);
}
