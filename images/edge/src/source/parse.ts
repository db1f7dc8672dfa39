import { z } from 'zod';
import { sourceError } from './errors.ts';
import type { SourceKey } from './key.ts';
import { playlistText } from './lines.ts';
import { type Manifest, type ManifestSegment, readManifest } from './manifest.ts';
import { multivariantOf, type SourceMultivariant } from './multivariant.ts';
import { References } from './references.ts';
import { Definitions, type Variables } from './variables.ts';

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
  map: z.object({ uri: z.string().min(1), byterange: byteRangeSchema.optional() }).optional(),
});

const mediaSchema = z.object({
  targetDuration: z.number().int().positive().max(120),
  mediaSequence: z.number().int().nonnegative().max(MAX_MEDIA_SEQUENCE),
  segments: z.array(segmentSchema),
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
  /** The source says itself that there is nothing to fetch (EXT-X-GAP). */
  readonly gap: boolean;
  /** Keys that the segment is encrypted with, one for each DRM system; empty where it is not. */
  readonly keys: readonly SegmentKey[];
  /** Keys that the section of `map` is encrypted with. */
  readonly mapKeys: readonly SegmentKey[];
  /** Ad markers that stand before the segment: whole lines. */
  readonly markers: readonly string[];
  /** Segments of the same time in the source's other renditions, by the names of their rungs; see join.ts. */
  readonly beside?: Readonly<Record<string, SourceSegment>>;
}

/** How one segment is encrypted. */
export interface SegmentKey extends Pick<SourceKey, 'method' | 'uri'> {
  /** The EXT-X-KEY line for this segment, whatever its number in another playlist. */
  readonly tag: string;
}

/** A source's media playlist: the last segments of it, or nearly all where it has ended (manifest.ts). */
export interface SourcePlaylist {
  readonly kind: 'media';
  readonly targetDurationSeconds: number;
  readonly segments: readonly SourceSegment[];
  /** Segments in the whole playlist. */
  readonly windowSegments: number;
  /** Nothing follows (EXT-X-ENDLIST), unless the source goes on all the same. */
  readonly ended: boolean;
  /** EXT-X-DATERANGE lines of the whole playlist, in order: where they stand means nothing. */
  readonly dateRanges: readonly string[];
  /** Seconds of film between when a segment of a recording is told and when it is due (replay.ts); left out of live ones. */
  readonly aheadSeconds?: number;
}

function invalid(error: z.ZodError): never {
  const issue = error.issues[0];
  throw sourceError(
    'PLAYLIST_INVALID',
    `The source's playlist is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`,
  );
}

function segmentOf(
  segment: z.infer<typeof segmentSchema>,
  { gap, keys, map: section, markers }: ManifestSegment,
  { msn, references }: { readonly msn: number; readonly references: References },
): SourceSegment {
  const { map, programDateTime } = segment;
  return {
    msn,
    uri: references.own(segment.uri),
    durationSeconds: segment.duration,
    discontinuitySequence: segment.timeline,
    discontinuity: segment.discontinuity === true,
    dateTime: programDateTime === undefined ? null : new Date(programDateTime).toISOString(),
    range: segment.byterange ?? null,
    map: map === undefined ? null : { uri: references.shared(map.uri), range: map.byterange ?? null },
    gap,
    keys: references.keys(keys, msn),
    mapKeys: references.sectionKeys(section?.keys ?? []),
    markers,
  };
}

function mediaOf(manifest: Manifest, url: string): SourcePlaylist {
  const parsed = mediaSchema.safeParse(manifest);
  if (!parsed.success) return invalid(parsed.error);
  const { segments, mediaSequence } = parsed.data;
  const references = new References(url);
  const first = mediaSequence + manifest.segmentCount - segments.length;
  return {
    kind: 'media',
    targetDurationSeconds: parsed.data.targetDuration,
    windowSegments: manifest.segmentCount,
    ended: manifest.endList,
    dateRanges: manifest.dateRanges,
    segments: manifest.segments.map((said, index) => {
      const segment = segments[index];
      if (segment === undefined) throw new RangeError('each segment was checked');
      return segmentOf(segment, said, { msn: first + index, references });
    }),
  };
}

/**
 * Reads an HLS playlist that a source sent from `url`. The text is untrusted: everything in it is bounded and checked.
 * Throws NOT_A_PLAYLIST or PLAYLIST_INVALID.
 * @param imports variables of the multivariant playlist that names this one; null where none does
 */
export function parsePlaylist(
  bytes: Uint8Array,
  url: string,
  imports: Variables | null = null,
): SourcePlaylist | SourceMultivariant {
  const manifest = readManifest(playlistText(bytes), new Definitions(url, imports));
  return manifest.variants.length === 0 ? mediaOf(manifest, url) : multivariantOf(manifest, url);
}
