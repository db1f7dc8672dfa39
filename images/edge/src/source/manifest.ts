import { type Attributes, readAttributes } from './attributes.ts';
import { sourceError } from './errors.ts';
import { IDENTITY } from './key.ts';
import { playlistLines } from './lines.ts';
import { isDateRange, isMarker, MAX_DATE_RANGES, MAX_MARKERS } from './markers.ts';
import { Definitions, type Variables } from './variables.ts';

/** Segments kept from the end of a live source's playlist: a window of 12, once again for a slow poll, and room. */
export const MAX_SEGMENTS = 60;

/** Segments kept of a source that has ended, which is played from its beginning: eleven hours of 4 s segments. */
const MAX_ENDED_SEGMENTS = 10_000;

/** Most variants of a multivariant playlist: the largest ladders have about thirty. */
const MAX_VARIANTS = 100;

/** Most renditions (EXT-X-MEDIA): thirty languages of sound and of subtitles in several qualities, and room. */
const MAX_RENDITIONS = 300;

/** Keys of one segment: one for each DRM system. */
const MAX_KEYS = 8;

/** What stands for a segment without any duration, which encoders write where they end: nothing lasts no time. */
const NO_SECONDS = 0.001;

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
  /** EXT-X-GAP: there is nothing to fetch (RFC 8216bis 4.4.4.7). */
  readonly gap: boolean;
  /** EXT-X-KEY in force, one for each KEYFORMAT; empty where the segment is not encrypted. */
  readonly keys: readonly Attributes[];
  readonly map: ManifestMap | undefined;
  /** Lines of ad markers in front of the segment. */
  readonly markers: readonly string[];
}

/** An EXT-X-MAP. */
export interface ManifestMap {
  readonly uri: string;
  readonly byterange: ManifestRange | undefined;
  /** EXT-X-KEY in force where it stands. */
  readonly keys: readonly Attributes[];
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
  /**
   * The last {@link MAX_SEGMENTS}, or {@link MAX_ENDED_SEGMENTS} where the source has ended; `segmentCount` is of all.
   */
  segments: readonly ManifestSegment[];
  segmentCount: number;
  /** EXT-X-DATERANGE lines of the whole text, the last {@link MAX_DATE_RANGES}. */
  readonly dateRanges: string[];
  readonly variants: ManifestVariant[];
  /** EXT-X-MEDIA. */
  readonly renditions: Attributes[];
  /** EXT-X-DEFINE. */
  readonly variables: Variables;
}

/** What tags have said of the next URI, and of all that follow. */
interface Reading {
  readonly manifest: Manifest;
  readonly kept: ManifestSegment[];
  readonly definitions: Definitions;
  timeline: number;
  variant: Attributes | undefined;
  duration: number | undefined;
  discontinuity: boolean;
  dateTime: number | undefined;
  byterange: { readonly length: number; readonly offset: number | undefined } | undefined;
  gap: boolean;
  keys: readonly Attributes[];
  map: ManifestMap | undefined;
  markers: string[];
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

function mapOf(attributes: Attributes, keys: readonly Attributes[]): ManifestMap {
  const range = attributes.get('BYTERANGE');
  const { length, offset = 0 } = range === undefined ? { length: 0 } : rangeOf(range);
  return { uri: attributes.get('URI') ?? '', byterange: range === undefined ? undefined : { length, offset }, keys };
}

const formatOf = (key: Attributes): string => key.get('KEYFORMAT') ?? IDENTITY;

/** The keys in force behind an EXT-X-KEY: it replaces that of its own format, and METHOD=NONE all (RFC 8216bis 4.4.4.4). */
function keysBehind(keys: readonly Attributes[], key: Attributes): readonly Attributes[] {
  if (key.get('METHOD') === 'NONE') return [];
  const others = keys.filter((one) => formatOf(one) !== formatOf(key));
  if (others.length >= MAX_KEYS) tooMany(`${MAX_KEYS} keys (EXT-X-KEY) for one segment`);
  return [...others, key];
}

function takeMarker({ manifest, markers }: Reading, text: string): void {
  // Markers outlast their playlist, in the log: a slice would keep the whole text of megabytes.
  const line = Buffer.from(text).toString();
  if (markers.length < MAX_MARKERS) markers.push(line);
  if (!isDateRange(line)) return;
  manifest.dateRanges.push(line);
  if (manifest.dateRanges.length > MAX_DATE_RANGES) manifest.dateRanges.shift();
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
    reading.duration = Number.isNaN(seconds) ? undefined : seconds === 0 ? NO_SECONDS : seconds;
  },
  '#EXT-X-DISCONTINUITY': (reading) => {
    reading.timeline += 1;
    reading.discontinuity = true;
  },
  '#EXT-X-GAP': (reading) => {
    reading.gap = true;
  },
  '#EXT-X-BYTERANGE': (reading, value) => {
    reading.byterange = rangeOf(value);
  },
  '#EXT-X-PROGRAM-DATE-TIME': (reading, value) => {
    const dateMs = Date.parse(value);
    // What nobody can read says nothing of the segment: its date follows from the ones before.
    reading.dateTime = Number.isNaN(dateMs) ? undefined : dateMs;
  },
  '#EXT-X-KEY': (reading, value) => {
    reading.keys = keysBehind(reading.keys, readAttributes(value));
  },
  '#EXT-X-MAP': (reading, value) => {
    reading.map = mapOf(readAttributes(value), reading.keys);
  },
  '#EXT-X-DEFINE': ({ definitions }, value) => definitions.declare(readAttributes(value)),
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
  if (isMarker(line, name)) takeMarker(reading, line);
  else if (Object.hasOwn(TAGS, name)) TAGS[name]?.(reading, colon < 0 ? '' : line.slice(colon + 1).trim());
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
    gap: reading.gap,
    keys: reading.keys,
    map: reading.map,
    markers: reading.markers,
  };
  kept.push(segment);
  // Whether the source has ended is known at the end.
  if (kept.length >= 2 * MAX_ENDED_SEGMENTS) kept.splice(0, MAX_ENDED_SEGMENTS);
  manifest.segmentCount += 1;
  reading.last = segment;
  reading.nextDateTime = programDateTime === undefined ? undefined : programDateTime + (duration ?? 0) * 1000;
  reading.duration = undefined;
  reading.discontinuity = false;
  reading.dateTime = undefined;
  reading.byterange = undefined;
  reading.gap = false;
  reading.markers = [];
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
 * with {@link MAX_ENDED_SEGMENTS}: parsers made of regular expressions need seconds for a megabyte that means them ill.
 * Throws PLAYLIST_INVALID for what is too long or too much, and for variables that are not declared.
 * @param definitions of the variables that the text may have
 */
export function readManifest(text: string, definitions = new Definitions()): Manifest {
  const manifest: Manifest = {
    targetDuration: undefined,
    mediaSequence: 0,
    endList: false,
    segments: [],
    segmentCount: 0,
    dateRanges: [],
    variants: [],
    renditions: [],
    variables: definitions.variables,
  };
  const nothing = { variant: undefined, duration: undefined, dateTime: undefined, byterange: undefined };
  const said = { discontinuity: false, gap: false, keys: [], markers: [] };
  const still = { map: undefined, nextDateTime: undefined, last: undefined };
  const reading: Reading = { manifest, kept: [], definitions, timeline: 0, ...said, ...nothing, ...still };
  for (const said of playlistLines(text)) {
    // Viewers read markers; what is in the URL of a playlist may be a secret.
    if (said.startsWith('#EXT-X-DATERANGE') && definitions.showsUrl(said)) continue;
    const line = definitions.applied(said);
    if (!line.startsWith('#')) takeUri(reading, line);
    else if (line.startsWith('#EXT')) takeTag(reading, line);
  }
  manifest.segments = reading.kept.slice(manifest.endList ? -MAX_ENDED_SEGMENTS : -MAX_SEGMENTS);
  reckonBackwards(manifest.segments);
  return manifest;
}
