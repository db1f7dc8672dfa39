import { type Box, child, invalidMp4, readBoxes, readFields, wholeBox } from './box.ts';
import { inspectInit, trackIdOf } from './init.ts';
import { words, writeBox } from './write.ts';

/** What both versions of `tkhd` end with (ISO/IEC 14496-12 8.3.2): matrix, width and height of the picture. */
const SHAPE_BYTES = 44;
/** Length of a whole `tkhd` without the header of the box, by its version: times and durations have 32 or 64 bits. */
const TRACK_HEADER_BYTES: Readonly<Record<number, number>> = { 0: 84, 1: 96 };

/** Where the sample entries of a track are. */
const TO_SAMPLE_TABLE = ['mdia', 'minf', 'stbl'] as const;

/** Samples of a track that says nothing of them: first sample entry, and fragments name everything themselves. */
const trex = (trackId: number): Uint8Array => writeBox('trex', words([0, trackId, 1, 0, 0, 0]));

/** A box whose direct children are as `edit` says: each gives what stands in its place. */
function withChildren(parent: Box, edit: (one: Box) => readonly Uint8Array[]): Uint8Array {
  return writeBox(parent.type, ...readBoxes(parent.content).flatMap(edit));
}

/** A box with another one in the place at the end of a path of types, the first of each. */
function withReplaced(parent: Box, path: readonly string[], type: string, fresh: Uint8Array): Uint8Array {
  const [next, ...rest] = path;
  return withChildren(parent, (one) => {
    if (next === undefined) return [one.type === type ? fresh : wholeBox(one)];
    return [one.type === next ? withReplaced(one, rest, type, fresh) : wholeBox(one)];
  });
}

function sampleDescription(trak: Box): Box {
  const table = TO_SAMPLE_TABLE.reduce((parent, type) => child(readBoxes(parent.content), type), trak);
  return child(readBoxes(table.content), 'stsd');
}

/** Which format a sample is of would stand in its fragment, which is written anew. */
function assertOneFormat(trak: Box): void {
  const { content } = sampleDescription(trak);
  const count = readFields('box "stsd"', () => content.getUint32(4));
  if (count !== 1) throw invalidMp4(`a track has ${count} sample entries, where one can be used`);
}

function movie(init: Uint8Array): readonly Box[] {
  return readBoxes(child(readBoxes(init), 'moov').content);
}

function videoTrack(moov: readonly Box[], trackId: number): Box {
  const trak = moov.find((one) => one.type === 'trak' && trackIdOf(one) === trackId);
  if (trak === undefined) throw invalidMp4('there is no video track');
  return trak;
}

function videoIdOf(init: Uint8Array): number {
  const { tracks, video } = inspectInit(init);
  const secret = tracks.find(({ encryption }) => encryption !== null);
  if (secret !== undefined) throw invalidMp4(`a track is encrypted ("${secret.encryption}")`);
  if (video === null) throw invalidMp4('there is no video track');
  if (tracks.filter(({ kind }) => kind === 'video').length > 1) throw invalidMp4('there are several video tracks');
  return video.id;
}

/**
 * The initialization section of the video track alone, without its edit list: what a decoder needs whose timestamps are
 * those of the fragments. Throws MP4_INVALID where `init` is none, is encrypted, or has not exactly one video track of one format.
 */
export function pictureAlone(init: Uint8Array): Uint8Array {
  const moov = movie(init);
  const id = videoIdOf(init);
  const trak = videoTrack(moov, id);
  assertOneFormat(trak);
  return Buffer.concat([
    writeBox('ftyp', Buffer.from('iso6'), words([0]), Buffer.from('iso6')),
    writeBox(
      'moov',
      wholeBox(child(moov, 'mvhd')),
      withChildren(trak, (one) => (one.type === 'edts' ? [] : [wholeBox(one)])),
      writeBox('mvex', trex(id)),
    ),
  ]);
}

/**
 * An initialization section whose picture is of another format: the sample entry, size and orientation of `encoded`'s video
 * track, and of `init` everything else: all tracks, their ids, timescales and edit lists. So players apply to both the same
 * shift between the timestamps in the file and those shown. Throws MP4_INVALID, as {@link pictureAlone} does.
 */
export function withPicture(init: Uint8Array, encoded: Uint8Array): Uint8Array {
  const moov = movie(init);
  const id = videoIdOf(init);
  const source = videoTrack(moov, id);
  const fresh = videoTrack(movie(encoded), videoIdOf(encoded));
  moov.filter(({ type }) => type === 'trak').forEach(assertOneFormat);
  const described = withReplaced(source, TO_SAMPLE_TABLE, 'stsd', wholeBox(sampleDescription(fresh)));
  const [trak] = readBoxes(described);
  if (trak === undefined) throw invalidMp4('there is no video track');
  const video = withReplaced(trak, [], 'tkhd', withShape(headerOf(trak), headerOf(fresh)));
  const extended = withChildren(child(moov, 'mvex'), (one) =>
    one.type === 'trex' ? [readTrexId(one) === id ? trex(id) : wholeBox(one)] : [],
  );
  return Buffer.concat([
    ...readBoxes(init)
      .filter(({ type }) => type === 'ftyp')
      .map(wholeBox),
    writeBox(
      'moov',
      wholeBox(child(moov, 'mvhd')),
      ...moov.filter(({ type }) => type === 'trak').map((one) => (one === source ? video : wholeBox(one))),
      extended,
    ),
  ]);
}

/** Throws MP4_INVALID where it is shorter or longer than its version: what stands at its end would be something else. */
function headerOf(trak: Box): Uint8Array {
  const header = child(readBoxes(trak.content), 'tkhd');
  const { content } = header;
  const version = readFields('box "tkhd"', () => content.getUint8(0));
  if (content.byteLength !== TRACK_HEADER_BYTES[version]) {
    throw invalidMp4(`box "tkhd" of version ${version} has ${content.byteLength} bytes`);
  }
  return wholeBox(header);
}

function withShape(header: Uint8Array, of: Uint8Array): Uint8Array {
  return Buffer.concat([header.subarray(0, -SHAPE_BYTES), of.subarray(-SHAPE_BYTES)]);
}

function readTrexId({ content }: Box): number {
  return readFields('box "trex"', () => content.getUint32(4));
}
