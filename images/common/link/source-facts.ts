import { z } from 'zod';

/** Most renditions of a source that are carried beside its reference: pictures, languages and subtitles together. */
export const MAX_SOURCE_RENDITIONS = 8;

/**
 * A rendition of the source that is carried beside the reference, which is the rung `source`: another picture, an audio
 * track or subtitles (RFC 8216bis 4.4.6.1, 4.4.6.2). Its media playlist is a rung of the channel's own.
 */
export const sourceRenditionSchema = z.object({
  /** Its rung: begins with `source-`; `source` itself for audio that is in the segments of the pictures. */
  name: z
    .string()
    .regex(/^source(-[a-z0-9]+)*$/)
    .max(32),
  kind: z.enum(['Video', 'Audio', 'Subtitles']),
  /** BANDWIDTH in bit/s of another picture; 0 else. */
  bitrateBps: z.int().nonnegative(),
  /** CODECS of another picture as the source declares them; empty else. */
  codecs: z.string().max(128),
  /** Of another picture; 0 where unknown, and else. */
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
  frameRateMilli: z.int().nonnegative(),
  /** NAME and LANGUAGE (BCP 47) of audio and subtitles; empty where the source tells none. */
  label: z.string().max(128),
  language: z.string().max(64),
  /** DEFAULT, AUTOSELECT and FORCED of audio and subtitles. */
  default: z.boolean(),
  autoselect: z.boolean(),
  forced: z.boolean(),
  /**
   * Number of one of its segments less that of the reference's segment of the same time; left out where they are the same,
   * as RFC 8216bis 6.2.4 wants it.
   */
  msnOffset: z.int().optional(),
  /** CHANNELS of an audio track as the source tells them, e.g. `6` or `16/JOC`; left out where it does not. */
  channels: z.string().max(64).optional(),
});
/** See {@link sourceRenditionSchema}. */
export type SourceRendition = z.infer<typeof sourceRenditionSchema>;

/** Captions within the source's pictures (EXT-X-MEDIA with TYPE=CLOSED-CAPTIONS, RFC 8216bis 4.4.6.1). */
export const sourceCaptionsSchema = z.object({
  /** INSTREAM-ID: a channel of CEA-608, or a service of CEA-708. */
  instreamId: z.string().regex(/^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5]\d|6[0-3]))$/),
  label: z.string().max(128),
  language: z.string().max(64),
  default: z.boolean(),
  autoselect: z.boolean(),
});
/** See {@link sourceCaptionsSchema}. */
export type SourceCaptions = z.infer<typeof sourceCaptionsSchema>;

/** What the probe of a source found; kept in the Channel's status and given back to the edges in the route. */
export const sourceFactsSchema = z.object({
  /** Container of the segments. */
  container: z.enum(['mpegts', 'fmp4', 'unknown']),
  /** RFC 6381 names, e.g. `avc1.64001f`; empty if there is no such track. */
  videoCodec: z.string(),
  audioCodec: z.string(),
  /** 0 where unknown. */
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
  /** Frames per second times 1000; 0 where unknown. */
  frameRateMilli: z.int().nonnegative(),
  /** The source's EXT-X-TARGETDURATION in seconds. */
  targetDurationSeconds: z.int().positive(),
  /** Measured or declared peak bitrate in bit/s, for BANDWIDTH. */
  bitrateBps: z.int().positive(),
  /** Segments in the source's playlist when it was probed. */
  windowSegments: z.int().nonnegative(),
  /** Whether the probed segment starts with a keyframe. */
  startsWithKeyframe: z.boolean(),
  /** Whether playlist and segments carry an Access-Control-Allow-Origin that admits any page. */
  corsAllowed: z.boolean(),
  /**
   * Scheme by which its initialization section says that its samples are encrypted, e.g. `cenc` or `cbcs` (ISO/IEC 23001-7); left
   * out where it does not.
   */
  encryption: z.string().max(4).optional(),
  /** What is carried beside the reference, pictures from high to low first; left out where nothing is. */
  renditions: z
    .array(sourceRenditionSchema)
    .max(2 * MAX_SOURCE_RENDITIONS)
    .optional(),
  /**
   * Captions that the source announces; empty where it says that there are none (CLOSED-CAPTIONS=NONE), left out where it
   * says nothing.
   */
  captions: z.array(sourceCaptionsSchema).max(MAX_SOURCE_RENDITIONS).optional(),
  /** What of the source is not carried, and why, in words; left out where nothing is missing. */
  leftOut: z.string().max(1024).optional(),
  /** RFC 3339 time of the probe. */
  probedAt: z.string(),
});
/** See {@link sourceFactsSchema}. */
export type SourceFacts = z.infer<typeof sourceFactsSchema>;
