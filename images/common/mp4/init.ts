import { type Box, child, fourccAt, invalidMp4, readBoxes, readFields } from './box.ts';
import { sampleFormat } from './codec.ts';

/** Tracks of one file: video, audio, subtitles, and room. */
const MAX_TRACKS = 32;

/** Bytes of a VisualSampleEntry and an AudioSampleEntry before their boxes (ISO/IEC 14496-12 12.1.3, 12.2.3). */
const VISUAL_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;

/** A track as the initialization section describes it. */
export interface InitTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'other';
  /** RFC 6381, e.g. `avc1.64001f`; empty for kind `other`. */
  readonly codec: string;
  /** Scheme by which its samples are encrypted, e.g. `cenc` (ISO/IEC 23001-7); null where they are clear. */
  readonly encryption: string | null;
  /** Ticks per second of this track's timestamps. */
  readonly timescale: number;
  /** Pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** 0 for video. */
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Of samples for which a fragment says nothing (`trex`): ticks, bytes, and flags of ISO/IEC 14496-12 8.8.3.1. */
  readonly defaultDuration: number;
  readonly defaultSize: number;
  readonly defaultFlags: number;
}

/** What one initialization section holds. */
export interface InitInspection {
  readonly tracks: readonly InitTrack[];
  /** The first track of its kind; null where there is none. */
  readonly video: InitTrack | null;
  readonly audio: InitTrack | null;
}

interface Defaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function defaultsOf(moov: readonly Box[]): ReadonlyMap<number, Defaults> {
  const mvex = readBoxes(child(moov, 'mvex').content);
  return new Map(
    mvex
      .filter(({ type }) => type === 'trex')
      .map(({ content }) =>
        readFields('box "trex"', () => [
          content.getUint32(4),
          { duration: content.getUint32(12), size: content.getUint32(16), flags: content.getUint32(20) },
        ]),
      ),
  );
}

/** Track id of `tkhd`, timescale of `mdhd`: behind two dates of 32 bits in version 0, of 64 bits in version 1. */
function behindDates({ type, content }: Box): number {
  return readFields(`box "${type}"`, () => content.getUint32(content.getUint8(0) === 1 ? 20 : 12));
}

/** Track id of a `trak` box. Throws MP4_INVALID where it has none. */
export function trackIdOf(trak: Box): number {
  return behindDates(child(readBoxes(trak.content), 'tkhd'));
}

function kindOf(handler: Box): InitTrack['kind'] {
  const name = readFields('box "hdlr"', () => fourccAt(handler.content, 8));
  return name === 'vide' ? 'video' : name === 'soun' ? 'audio' : 'other';
}

/** The boxes inside a sample entry, behind its fixed fields. */
function entryBoxes(entry: Box, fixed: number): readonly Box[] {
  const { buffer, byteOffset, byteLength } = entry.content;
  if (byteLength < fixed) throw invalidMp4(`sample entry "${entry.type}" is too short`);
  return readBoxes(new DataView(buffer, byteOffset + fixed, byteLength - fixed));
}

/** The sample entry of a track. */
function entryOf(mdia: readonly Box[]): Box {
  return sampleEntry(readBoxes(child(readBoxes(child(mdia, 'minf').content), 'stbl').content));
}

function sampleEntry(stbl: readonly Box[]): Box {
  const { content } = child(stbl, 'stsd');
  if (content.byteLength < 8) throw invalidMp4('box "stsd" is too short');
  const [entry] = readBoxes(new DataView(content.buffer, content.byteOffset + 8, content.byteLength - 8));
  if (entry === undefined) throw invalidMp4('a track has no sample entry');
  return entry;
}

function trackOf(trak: Box, defaults: ReadonlyMap<number, Defaults>): InitTrack {
  const boxes = readBoxes(trak.content);
  const mdia = readBoxes(child(boxes, 'mdia').content);
  const id = trackIdOf(trak);
  const timescale = behindDates(child(mdia, 'mdhd'));
  const kind = kindOf(child(mdia, 'hdlr'));
  const { duration = 0, size = 0, flags = 0 } = defaults.get(id) ?? {};
  const base = { id, kind, timescale, defaultDuration: duration, defaultSize: size, defaultFlags: flags };
  const none = { codec: '', encryption: null, width: 0, height: 0, sampleRateHz: 0, channels: 0 };
  if (kind === 'other') return { ...base, ...none };
  if (timescale === 0) throw invalidMp4(`track ${id} has no timescale`);
  const entry = entryOf(mdia);
  const { type, content } = entry;
  if (kind === 'video') {
    const format = sampleFormat(type, entryBoxes(entry, VISUAL_ENTRY_BYTES));
    return { ...base, ...none, ...format, width: content.getUint16(24), height: content.getUint16(26) };
  }
  const format = sampleFormat(type, entryBoxes(entry, AUDIO_ENTRY_BYTES));
  return { ...base, ...none, ...format, channels: content.getUint16(16), sampleRateHz: content.getUint16(24) };
}

/**
 * Reads an initialization section (RFC 8216bis 3.1.2: a Movie Box with a Movie Extends Box and without samples).
 * Throws MP4_INVALID where it is none.
 */
export function inspectInit(bytes: Uint8Array): InitInspection {
  const moov = readBoxes(child(readBoxes(bytes), 'moov').content);
  const defaults = defaultsOf(moov);
  const traks = moov.filter(({ type }) => type === 'trak');
  if (traks.length > MAX_TRACKS) throw invalidMp4(`more than ${MAX_TRACKS} tracks`);
  const tracks = traks.map((trak) => trackOf(trak, defaults));
  const first = (kind: InitTrack['kind']): InitTrack | null => tracks.find((track) => track.kind === kind) ?? null;
  const [video, audio] = [first('video'), first('audio')];
  if (video === null && audio === null) throw invalidMp4('there is neither a video nor an audio track');
  return { tracks, video, audio };
}

/**
 * What the sample entry of the first video track holds behind its fixed fields: the configuration of its decoder (`avcC`), the
 * shape of its pictures. Throws MP4_INVALID where `init` is none, or has no video track.
 */
export function videoEntryBoxes(init: Uint8Array): readonly Box[] {
  const traks = readBoxes(child(readBoxes(init), 'moov').content).filter(({ type }) => type === 'trak');
  const medias = traks.map((trak) => readBoxes(child(readBoxes(trak.content), 'mdia').content));
  const video = medias.find((mdia) => kindOf(child(mdia, 'hdlr')) === 'video');
  if (video === undefined) throw invalidMp4('there is no video track');
  return entryBoxes(entryOf(video), VISUAL_ENTRY_BYTES);
}
