import type { Obstacle, Route, SourceFacts } from '@sluice/common/link/messages.ts';
import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';

/** Fewest segments in a source's window for Direct: three that players buffer, and the one being written. */
export const MIN_DIRECT_WINDOW = 4;

/** Whether a page of `origin`, and so any page, may read an answer with this Access-Control-Allow-Origin. */
export function admitsAnyPage(allowOrigin: string | null, origin: string): boolean {
  return allowOrigin === '*' || allowOrigin === origin;
}

/** What a probe saw beside the segment itself. */
export interface ProbeContext {
  readonly targetDurationSeconds: number;
  readonly windowSegments: number;
  readonly corsAllowed: boolean;
  /** Declared by the multivariant playlist; null if there is none. */
  readonly declaredBitrateBps: number | null;
  /** Size of the whole segment in bytes; null if the server did not say. */
  readonly segmentBytes: number | null;
  readonly segmentSeconds: number;
  readonly now: number;
}

/** Bitrate in bit/s assumed where neither playlist nor server tell one: common for 1080p over HLS. */
const ASSUMED_BITRATE_BPS = 6_000_000;

/** A measured segment stands for the peak: live encoders with a one-segment buffer stay within a third of their mean. */
const PEAK_FACTOR = 1.33;

/** Joins what the probe found; `inspection` is null where the segment is no MPEG-TS. */
export function factsOf(inspection: SegmentInspection | null, context: ProbeContext): SourceFacts {
  const measured =
    context.segmentBytes === null
      ? ASSUMED_BITRATE_BPS
      : Math.ceil(((context.segmentBytes * 8) / context.segmentSeconds) * PEAK_FACTOR);
  return {
    container: inspection === null ? 'unknown' : 'mpegts',
    videoCodec: inspection?.video?.codec ?? '',
    audioCodec: inspection?.audio?.codec ?? '',
    width: inspection?.video?.width ?? 0,
    height: inspection?.video?.height ?? 0,
    frameRateMilli: Math.round(inspection?.video?.frameRateMilli ?? 0),
    targetDurationSeconds: context.targetDurationSeconds,
    bitrateBps: Math.max(1, Math.ceil(context.declaredBitrateBps ?? measured)),
    windowSegments: context.windowSegments,
    startsWithKeyframe: inspection?.video?.startsWithKeyframe ?? false,
    corsAllowed: context.corsAllowed,
    probedAt: new Date(context.now).toISOString(),
  };
}

/** What Direct would show of a source: the URL of one of its segments, and whether it is a part of a file. */
export interface SegmentSample {
  readonly uri: string;
  readonly ranged: boolean;
}

function urlObstacle(route: Route, sample: SegmentSample | null): Obstacle | null {
  const urls = [route.source.uri, ...(sample === null ? [] : [sample.uri])].map((uri) => new URL(uri));
  if (urls.some((url) => url.username !== '' || url.password !== '')) {
    return {
      reason: 'CredentialsInUrl',
      message: "The source's URL carries a user or password, which browsers refuse",
    };
  }
  if (route.exposeSource === false) {
    return { reason: 'SourceHidden', message: 'spec.delivery.exposeSource is false' };
  }
  if (route.exposeSource === undefined && urls.some((url) => url.search !== '')) {
    return {
      reason: 'QueryInUrl',
      message:
        "The source's URLs have a query, which may be a secret or expire; set spec.delivery.exposeSource to true if viewers may see it",
    };
  }
  return null;
}

/** Why viewers cannot fetch media at the source itself; null if they can, or if that is not known yet. */
export function directObstacle(route: Route, facts: SourceFacts | null, sample: SegmentSample | null): Obstacle | null {
  if (Object.keys(route.source.headers).length > 0) {
    return { reason: 'HeadersNeeded', message: 'The source needs request headers, which viewers do not have' };
  }
  const url = urlObstacle(route, sample);
  if (url !== null || facts === null) return url;
  if (!facts.corsAllowed) {
    return { reason: 'NoCors', message: 'The source does not send Access-Control-Allow-Origin for any page' };
  }
  if (facts.windowSegments < MIN_DIRECT_WINDOW) {
    return {
      reason: 'ShortWindow',
      message: `The source's playlist has ${facts.windowSegments} segments; Direct needs at least ${MIN_DIRECT_WINDOW}`,
    };
  }
  if (sample?.ranged === true) {
    return { reason: 'ByteRanges', message: 'The source names parts of files (EXT-X-BYTERANGE)' };
  }
  return null;
}

/** Why rungs cannot be joined with this source; null if they can, or if that is not known yet. */
export function transcodeObstacle(facts: SourceFacts | null, sample: SegmentSample | null): Obstacle | null {
  if (facts === null) return null;
  if (facts.container !== 'mpegts') {
    return { reason: 'NotMpegTs', message: 'The source has no MPEG-TS segments; others cannot be transcoded yet' };
  }
  if (!facts.videoCodec.startsWith('avc1')) {
    const found = facts.videoCodec === '' ? 'no known video' : facts.videoCodec;
    return { reason: 'VideoCodec', message: `The source has ${found}; only H.264 video can be joined with the ladder` };
  }
  if (facts.audioCodec !== '' && !facts.audioCodec.startsWith('mp4a.40')) {
    return { reason: 'AudioCodec', message: `The source has ${facts.audioCodec} audio; only AAC can be copied` };
  }
  if (!facts.startsWithKeyframe) {
    return { reason: 'NoKeyframeAtStart', message: "The source's segments do not start on a keyframe" };
  }
  if (sample?.ranged === true) {
    return { reason: 'ByteRanges', message: 'The source names parts of files (EXT-X-BYTERANGE)' };
  }
  return null;
}
