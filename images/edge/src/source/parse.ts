import m3u8 from 'm3u8-parser';
import { z } from 'zod';
import { sourceError } from './errors.ts';

/** Most lines of a playlist: three a segment for a day of 4 s segments, and room. */
const MAX_LINES = 100_000;

/** Longest line in characters: URLs beyond 8 KiB do not pass common proxies. */
const MAX_LINE_LENGTH = 8_192;

/** Segments kept from the end of a source's playlist: a window of 12, once again for a slow poll, and room. */
const MAX_SEGMENTS = 60;

/** Times in ms beyond it are no Date (ECMA-262 21.4.1.1). */
const MAX_TIME_MS = 8.64e15;

/** Room for numbers made of microseconds since 1970, and for an offset of ours before doubles stop counting by one. */
const MAX_MEDIA_SEQUENCE = 2 ** 52;

const byteRangeSchema = z.object({
  offset: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).default(0),
  length: z.number().int().positive(),
});

const segmentSchema = z.object({
  uri: z.string().min(1),
  duration: z.number().positive().max(120),
  timeline: z.number().int().nonnegative(),
  discontinuity: z.boolean().optional(),
  programDateTime: z.number().min(-MAX_TIME_MS).max(MAX_TIME_MS).optional(),
  byterange: byteRangeSchema.optional(),
  key: z.object({ method: z.string().optional() }).optional(),
  map: z.object({ uri: z.string().min(1), byterange: byteRangeSchema.optional() }).optional(),
});

const mediaSchema = z.object({
  targetDuration: z.number().int().positive().max(120),
  mediaSequence: z.number().int().nonnegative().max(MAX_MEDIA_SEQUENCE).default(0),
  endList: z.boolean().optional(),
  segments: z.array(segmentSchema),
});

const variantSchema = z.object({
  uri: z.string().min(1),
  attributes: z.object({
    BANDWIDTH: z.number().positive().optional(),
    CODECS: z.string().optional(),
    AUDIO: z.string().optional(),
    'FRAME-RATE': z.number().positive().optional(),
    RESOLUTION: z.object({ width: z.number().int().positive(), height: z.number().int().positive() }).optional(),
  }),
});

/** A part of a file; null means the whole. */
export type SourceRange = { readonly offset: number; readonly length: number } | null;

/** A Media Initialization Section as a source's playlist names it (EXT-X-MAP). */
export interface SourceMap {
  /** Absolute URL. */
  readonly uri: string;
  readonly range: SourceRange;
}

/** A segment as a source's playlist names it. */
export interface SourceSegment {
  /** The source's media sequence number. */
  readonly msn: number;
  /** Absolute URL. */
  readonly uri: string;
  readonly durationSeconds: number;
  /** The source's discontinuity sequence number. */
  readonly discontinuitySequence: number;
  readonly discontinuity: boolean;
  /** RFC 3339, or null. */
  readonly dateTime: string | null;
  readonly range: SourceRange;
  /** What has to be read before the segment: fragmented MP4 has one, MPEG-TS none. */
  readonly map: SourceMap | null;
}

/** A source's media playlist: the last {@link MAX_SEGMENTS} segments of it. */
export interface SourcePlaylist {
  readonly kind: 'media';
  readonly targetDurationSeconds: number;
  readonly segments: readonly SourceSegment[];
  /** Segments in the whole playlist. */
  readonly windowSegments: number;
  readonly ended: boolean;
  /** What this playlist needs that the edge cannot do yet, in words; null if nothing. */
  readonly unsupported: string | null;
}

/** One rendition of a multivariant playlist. */
export interface SourceVariant {
  readonly uri: string;
  readonly bandwidthBps: number | null;
  readonly height: number;
  readonly codecs: string;
  /** Its audio is a rendition of its own. */
  readonly demuxed: boolean;
}

/** A source's multivariant playlist. */
export interface SourceMultivariant {
  readonly kind: 'multivariant';
  readonly variants: readonly SourceVariant[];
}

function checkText(text: string): void {
  if (!text.startsWith('#EXTM3U')) {
    const start = text.slice(0, 200).trimStart().toLowerCase();
    const what = start.startsWith('<') ? 'a web page' : 'something else';
    throw sourceError('NOT_A_PLAYLIST', `The source's URL answers with ${what} instead of an HLS playlist (#EXTM3U)`);
  }
  let lines = 0;
  let start = 0;
  while (start < text.length) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    lines += 1;
    if (end - start > MAX_LINE_LENGTH || lines > MAX_LINES) {
      throw sourceError(
        'PLAYLIST_INVALID',
        `The source's playlist has more than ${MAX_LINES} lines, or one longer than ${MAX_LINE_LENGTH} characters`,
      );
    }
    start = end + 1;
  }
}

/** A URL's normal form has neither line breaks nor quotes, so it can stand in a playlist of ours. */
function absolute(uri: string, base: string): string {
  const url = URL.parse(uri, base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw sourceError('PLAYLIST_INVALID', "The source's playlist names something that is no http or https URL");
  }
  return url.href;
}

function invalid(error: z.ZodError): never {
  const issue = error.issues[0];
  throw sourceError(
    'PLAYLIST_INVALID',
    `The source's playlist is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`,
  );
}

function unsupportedOf(segments: readonly z.infer<typeof segmentSchema>[]): string | null {
  const method = segments.at(-1)?.key?.method ?? 'NONE';
  if (method !== 'NONE') return `segments encrypted with ${method} (EXT-X-KEY); remove the encryption at the source`;
  return null;
}

function mediaOf(manifest: unknown, url: string): SourcePlaylist {
  const parsed = mediaSchema.safeParse(manifest);
  if (!parsed.success) return invalid(parsed.error);
  const { segments, mediaSequence } = parsed.data;
  const first = Math.max(0, segments.length - MAX_SEGMENTS);
  return {
    kind: 'media',
    targetDurationSeconds: parsed.data.targetDuration,
    windowSegments: segments.length,
    ended: parsed.data.endList === true,
    unsupported: unsupportedOf(segments),
    segments: segments.slice(first).map((segment, index) => ({
      msn: mediaSequence + first + index,
      uri: absolute(segment.uri, url),
      durationSeconds: segment.duration,
      discontinuitySequence: segment.timeline,
      discontinuity: segment.discontinuity === true,
      dateTime: segment.programDateTime === undefined ? null : new Date(segment.programDateTime).toISOString(),
      range: segment.byterange ?? null,
      map:
        segment.map === undefined
          ? null
          : { uri: absolute(segment.map.uri, url), range: segment.map.byterange ?? null },
    })),
  };
}

const mediaGroupsSchema = z.object({
  AUDIO: z.record(z.string(), z.record(z.string(), z.object({ uri: z.string().optional() }))).optional(),
});

/** Names of the audio groups that have no member without a URI: one without is in the variant's own stream (4.4.6.1). */
function separateAudioGroups(mediaGroups: unknown): ReadonlySet<string> {
  const groups = mediaGroupsSchema.safeParse(mediaGroups);
  const audio = groups.success ? (groups.data.AUDIO ?? {}) : {};
  const separate = Object.entries(audio).filter(([, members]) => Object.values(members).every((one) => one.uri));
  return new Set(separate.map(([name]) => name));
}

function multivariantOf(playlists: unknown, mediaGroups: unknown, url: string): SourceMultivariant {
  const parsed = z.array(variantSchema).max(100).safeParse(playlists);
  if (!parsed.success) return invalid(parsed.error);
  const separate = separateAudioGroups(mediaGroups);
  return {
    kind: 'multivariant',
    variants: parsed.data.map((variant) => ({
      uri: absolute(variant.uri, url),
      bandwidthBps: variant.attributes.BANDWIDTH ?? null,
      height: variant.attributes.RESOLUTION?.height ?? 0,
      codecs: variant.attributes.CODECS ?? '',
      demuxed: variant.attributes.AUDIO !== undefined && separate.has(variant.attributes.AUDIO),
    })),
  };
}

/**
 * Reads an HLS playlist that a source sent from `url`. The text is untrusted: everything in it is bounded and checked.
 * Throws NOT_A_PLAYLIST or PLAYLIST_INVALID.
 */
export function parsePlaylist(bytes: Uint8Array, url: string): SourcePlaylist | SourceMultivariant {
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  checkText(text);
  const parser = new m3u8.Parser();
  try {
    parser.push(text);
    parser.end();
  } catch (error) {
    throw sourceError('PLAYLIST_INVALID', "The source's playlist cannot be parsed", { cause: error });
  }
  const { playlists, mediaGroups } = z
    .object({ playlists: z.array(z.unknown()).optional(), mediaGroups: z.unknown().optional() })
    .parse(parser.manifest);
  return playlists === undefined || playlists.length === 0
    ? mediaOf(parser.manifest, url)
    : multivariantOf(playlists, mediaGroups, url);
}

/**
 * The rendition that the edge publishes: the highest whose audio is in the same stream (one with audio of its own would
 * need a second timeline beside that of its pictures). Throws SOURCE_UNSUPPORTED where there is none.
 */
export function chooseVariant(source: SourceMultivariant): SourceVariant {
  const muxed = source.variants
    .filter((variant) => !variant.demuxed)
    .sort((one, other) => other.height - one.height || (other.bandwidthBps ?? 0) - (one.bandwidthBps ?? 0));
  const best = muxed[0];
  if (best === undefined) {
    throw sourceError(
      'SOURCE_UNSUPPORTED',
      'Every rendition of the source keeps its audio in a playlist of its own (EXT-X-MEDIA); what is missing is a rendition with audio and video in the same segments, as MPEG-TS or as fragmented MP4',
    );
  }
  return best;
}
