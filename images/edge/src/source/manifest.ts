import { type Attributes, readAttributes } from './attributes.ts';
import { sourceError } from './errors.ts';
import { playlistLines } from './lines.ts';

/** Segments kept from the end of a source's playlist: a window of 12, once again for a slow poll, and room. */
export const MAX_SEGMENTS = 60;

/** Most variants of a multivariant playlist: the largest ladders have about thirty. */
const MAX_VARIANTS = 100;

/** Most renditions (EXT-X-MEDIA): thirty languages of sound and of subtitles in several qualities, and room. */
const MAX_RENDITIONS = 300;

/** A part of a file as a tag tells it; numbers may be NaN. */
export interface ManifestRange {
  readonly offset: number;
  readonly length: number;
}

/** A segment as the text says it: nothing is checked yet, numbers may be NaN. */
export interface ManifestSegment {
  readonly uri: string;
  /** EXTINF in seconds; the target duration where the segment has none. */
  readonly duration: number | undefined;
  /** Discontinuity sequence number. */
  readonly timeline: number;
  readonly discontinuity: boolean;
  /** EXT-X-PROGRAM-DATE-TIME in ms, told or reckoned from a neighbour's; undefined where none tells. */
  programDateTime: number | undefined;
  readonly byterange: ManifestRange | undefined;
  /** EXT-X-KEY that holds for the segment; undefined where it is not encrypted. */
  readonly key: Attributes | undefined;
  readonly map: { readonly uri: string; readonly byterange: ManifestRange | undefined } | undefined;
}

/** A variant of a multivariant playlist: the attributes of its EXT-X-STREAM-INF. */
export interface ManifestVariant {
  readonly uri: string;
  readonly attributes: Attributes;
}

/** The text of a playlist in its parts. */
export interface Manifest {
  targetDuration: number | undefined;
  mediaSequence: number;
  endList: boolean;
  /** The last {@link MAX_SEGMENTS}, unlike `segmentCount`, which is of all. */
  segments: readonly ManifestSegment[];
  segmentCount: number;
  readonly variants: ManifestVariant[];
  /** EXT-X-MEDIA. */
  readonly renditions: Attributes[];
}

/** What tags have said of the next URI, and of all that follow. */
interface Reading {
  readonly manifest: Manifest;
  readonly kept: ManifestSegment[];
  timeline: number;
  variant: Attributes | undefined;
  duration: number | undefined;
  discontinuity: boolean;
  dateTime: number | undefined;
  byterange: { readonly length: number; readonly offset: number | undefined } | undefined;
  key: Attributes | undefined;
  map: ManifestSegment['map'];
  /** Date of the next segment by the ones before. */
  nextDateTime: number | undefined;
  last: ManifestSegment | undefined;
}

/** `length[@offset]` (RFC 8216bis 4.4.4.2). */
function rangeOf(text: string): { length: number; offset: number | undefined } {
  const [length = '', offset] = text.split('@', 2);
  return {
    length: Number.parseInt(length, 10),
    offset: offset === undefined ? undefined : Number.parseInt(offset, 10),
  };
}

function mapOf(attributes: Attributes): ManifestSegment['map'] {
  const range = attributes.get('BYTERANGE');
  const { length, offset = 0 } = range === undefined ? { length: 0 } : rangeOf(range);
  return { uri: attributes.get('URI') ?? '', byterange: range === undefined ? undefined : { length, offset } };
}

/** What each tag means; others are passed over. */
const TAGS: Readonly<Record<string, (reading: Reading, value: string) => void>> = {
  '#EXT-X-TARGETDURATION': ({ manifest }, value) => {
    manifest.targetDuration = Number.parseInt(value, 10);
  },
  '#EXT-X-MEDIA-SEQUENCE': ({ manifest }, value) => {
    manifest.mediaSequence = Number.parseInt(value, 10);
  },
  '#EXT-X-DISCONTINUITY-SEQUENCE': (reading, value) => {
    reading.timeline = Number.parseInt(value, 10);
  },
  '#EXT-X-ENDLIST': ({ manifest }) => {
    manifest.endList = true;
  },
  '#EXTINF': (reading, value) => {
    const seconds = Number.parseFloat(value);
    reading.duration = Number.isNaN(seconds) ? undefined : seconds;
  },
  '#EXT-X-DISCONTINUITY': (reading) => {
    reading.timeline += 1;
    reading.discontinuity = true;
  },
  '#EXT-X-BYTERANGE': (reading, value) => {
    reading.byterange = rangeOf(value);
  },
  '#EXT-X-PROGRAM-DATE-TIME': (reading, value) => {
    reading.dateTime = Date.parse(value);
  },
  '#EXT-X-KEY': (reading, value) => {
    const key = readAttributes(value);
    reading.key = key.get('METHOD') === 'NONE' ? undefined : key;
  },
  '#EXT-X-MAP': (reading, value) => {
    reading.map = mapOf(readAttributes(value));
  },
  '#EXT-X-STREAM-INF': (reading, value) => {
    reading.variant = readAttributes(value);
  },
  '#EXT-X-MEDIA': ({ manifest }, value) => {
    manifest.renditions.push(readAttributes(value));
    if (manifest.renditions.length > MAX_RENDITIONS) tooMany(`${MAX_RENDITIONS} renditions (EXT-X-MEDIA)`);
  },
};

function tooMany(what: string): never {
  throw sourceError('PLAYLIST_INVALID', `The source's playlist has more than ${what}`);
}

function takeTag(reading: Reading, line: string): void {
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  if (Object.hasOwn(TAGS, name)) TAGS[name]?.(reading, colon < 0 ? '' : line.slice(colon + 1).trim());
}

function takeUri(reading: Reading, uri: string): void {
  const { manifest, variant } = reading;
  if (variant === undefined) {
    takeSegment(reading, uri);
    return;
  }
  manifest.variants.push({ uri, attributes: variant });
  reading.variant = undefined;
  if (manifest.variants.length > MAX_VARIANTS) tooMany(`${MAX_VARIANTS} variants (EXT-X-STREAM-INF)`);
}

function takeSegment(reading: Reading, uri: string): void {
  const { manifest, kept, byterange, last } = reading;
  const duration = reading.duration ?? manifest.targetDuration;
  // Without an offset the range follows that of the segment before, of the same file.
  const after = last?.uri === uri && last.byterange !== undefined ? last.byterange.offset + last.byterange.length : 0;
  const programDateTime = reading.dateTime ?? reading.nextDateTime;
  const segment: ManifestSegment = {
    uri,
    duration,
    timeline: reading.timeline,
    discontinuity: reading.discontinuity,
    programDateTime,
    byterange: byterange && { length: byterange.length, offset: byterange.offset ?? after },
    key: reading.key,
    map: reading.map,
  };
  kept.push(segment);
  if (kept.length >= 2 * MAX_SEGMENTS) kept.splice(0, MAX_SEGMENTS);
  manifest.segmentCount += 1;
  reading.last = segment;
  reading.nextDateTime = programDateTime === undefined ? undefined : programDateTime + (duration ?? 0) * 1000;
  reading.duration = undefined;
  reading.discontinuity = false;
  reading.dateTime = undefined;
  reading.byterange = undefined;
}

/** Dates of the segments in front of the first that has one. */
function reckonBackwards(segments: readonly ManifestSegment[]): void {
  const first = segments.findIndex(({ programDateTime }) => programDateTime !== undefined);
  for (let index = first - 1; index >= 0; index -= 1) {
    const [segment, next] = [segments[index], segments[index + 1]];
    if (segment === undefined || next?.programDateTime === undefined) return;
    segment.programDateTime = next.programDateTime - (segment.duration ?? 0) * 1000;
  }
}

/**
 * Takes the text of a playlist apart. Its time grows with the length of the text and with nothing else in it, its memory
 * with {@link MAX_SEGMENTS}: parsers made of regular expressions need seconds for a megabyte that means them ill.
 * Throws PLAYLIST_INVALID for what is too long or too much.
 */
export function readManifest(text: string): Manifest {
  const manifest: Manifest = {
    targetDuration: undefined,
    mediaSequence: 0,
    endList: false,
    segments: [],
    segmentCount: 0,
    variants: [],
    renditions: [],
  };
  const nothing = { variant: undefined, duration: undefined, dateTime: undefined, byterange: undefined };
  const still = { key: undefined, map: undefined, nextDateTime: undefined, last: undefined };
  const reading: Reading = { manifest, kept: [], timeline: 0, discontinuity: false, ...nothing, ...still };
  for (const line of playlistLines(text)) {
    if (!line.startsWith('#')) takeUri(reading, line);
    else if (line.startsWith('#EXT')) takeTag(reading, line);
  }
  manifest.segments = reading.kept.slice(-MAX_SEGMENTS);
  reckonBackwards(manifest.segments);
  return manifest;
}
