import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { Obstacle } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { FragmentInspection } from '@sluice/common/mp4/fragment.ts';
import type { InitInspection } from '@sluice/common/mp4/init.ts';
import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { sourceError } from './errors.ts';
import type { SourceVariant } from './multivariant.ts';
import type { SourcePlaylist, SourceSegment } from './parse.ts';

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

/** What the bytes of a segment say of a source. */
export type MediaFacts = Pick<
  SourceFacts,
  | 'container'
  | 'videoCodec'
  | 'audioCodec'
  | 'width'
  | 'height'
  | 'frameRateMilli'
  | 'startsWithKeyframe'
  | 'encryption'
>;

/** Nothing is known: the segment is neither MPEG-TS nor, by an EXT-X-MAP, fragmented MP4. */
export const UNKNOWN_MEDIA: MediaFacts = {
  container: 'unknown',
  videoCodec: '',
  audioCodec: '',
  width: 0,
  height: 0,
  frameRateMilli: 0,
  startsWithKeyframe: false,
};

/** What an MPEG-TS segment says. */
export function tsMedia({ video, audio }: SegmentInspection): MediaFacts {
  return {
    container: 'mpegts',
    videoCodec: video?.codec ?? '',
    audioCodec: audio?.codec ?? '',
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    frameRateMilli: Math.round(video?.frameRateMilli ?? 0),
    startsWithKeyframe: video?.startsWithKeyframe ?? false,
  };
}

/** What an initialization section and a segment that needs it say. */
export function mp4Media(init: InitInspection, fragment: FragmentInspection): MediaFacts {
  const { video, audio } = init;
  const frames = fragment.video;
  const rate = video === null || frames === null || frames.duration === 0 ? 0 : frames.samples / frames.duration;
  return {
    container: 'fmp4',
    videoCodec: video?.codec ?? '',
    audioCodec: audio?.codec ?? '',
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    frameRateMilli: Math.round(rate * (video?.timescale ?? 0) * 1000),
    startsWithKeyframe: frames?.startsWithSync ?? false,
    ...encryptionIn(init),
  };
}

/** Scheme by which the picture, or the audio within its segments, is encrypted; null where neither is. */
export function encryptionOfSection({ video, audio }: Pick<InitInspection, 'video' | 'audio'>): string | null {
  return video?.encryption ?? audio?.encryption ?? null;
}

function encryptionIn(init: InitInspection): Pick<SourceFacts, 'encryption'> {
  const encryption = encryptionOfSection(init);
  return encryption === null ? {} : { encryption };
}

/**
 * What is known of segments that cannot be read, because they are encrypted: by their initialization section, which
 * SAMPLE-AES and SAMPLE-AES-CTR leave clear, else by the multivariant playlist.
 */
export function declaredMedia(
  { map }: SourceSegment,
  variant: SourceVariant | null,
  section: InitInspection | null,
): MediaFacts {
  if (section !== null) return mp4Media(section, NOTHING_READ);
  const codecs = variant?.codecs.split(',').map((codec) => codec.trim()) ?? [];
  const find = (names: RegExp): string => codecs.find((codec) => names.test(codec)) ?? '';
  return {
    ...UNKNOWN_MEDIA,
    container: map === null ? 'unknown' : 'fmp4',
    videoCodec: find(/^(?:avc|hvc|hev|dvh|av0|vp0)/),
    audioCodec: find(/^(?:mp4a|ac-|ec-|opus|fLaC)/i),
    height: variant?.height ?? 0,
  };
}

/** Of segments that are not looked into. */
const NOTHING_READ: FragmentInspection = { video: null, audio: null };

/** Joins what the probe found. */
export function factsOf(media: MediaFacts, context: ProbeContext): SourceFacts {
  const measured =
    context.segmentBytes === null
      ? ASSUMED_BITRATE_BPS
      : Math.ceil(((context.segmentBytes * 8) / context.segmentSeconds) * PEAK_FACTOR);
  return {
    ...media,
    targetDurationSeconds: context.targetDurationSeconds,
    bitrateBps: Math.max(1, Math.ceil(context.declaredBitrateBps ?? measured)),
    windowSegments: context.windowSegments,
    corsAllowed: context.corsAllowed,
    probedAt: new Date(context.now).toISOString(),
  };
}

/** What one segment shows of a source: the URLs that Direct would show, and how it is encrypted. */
export interface SegmentSample {
  /** The segment's, and that of the initialization section that it needs. */
  readonly uris: readonly string[];
  /** METHOD of its key, or of its initialization section's; null where nothing of it is encrypted. */
  readonly encryption: string | null;
}

/** A segment as viewers would see it in Direct. */
export function sampleOf(segment: SourceSegment): SegmentSample {
  const all = [segment, ...Object.values(segment.beside ?? {})];
  const uris = all.flatMap(({ uri, map }) => (map === null ? [uri] : [uri, map.uri]));
  return { uris, encryption: encryptionOf(segment) };
}

/** METHOD of the key that a segment is encrypted with, or its initialization section alone; null where neither is. */
export function encryptionOf({ keys, mapKeys }: Pick<SourceSegment, 'keys' | 'mapKeys'>): string | null {
  return keys[0]?.method ?? mapKeys[0]?.method ?? null;
}

/** The newest segment that has bytes; undefined where there is none. */
export function newestMedia({ segments }: Pick<SourcePlaylist, 'segments'>): SourceSegment | undefined {
  return segments.findLast(({ gap }) => !gap);
}

/**
 * An error where a source has changed its container since it was probed; null otherwise. What is listed cannot go on in
 * another one: EXT-X-MAP cannot be taken back, and players stop.
 */
export function containerChange(facts: SourceFacts, { map }: SourceSegment): SluiceError | null {
  const isFragmented = facts.container === 'fmp4';
  if (isFragmented === (map !== null)) return null;
  const [before, after] = isFragmented ? ['fragmented MP4', 'MPEG-TS'] : ['MPEG-TS', 'fragmented MP4'];
  const message = `The source has changed from ${before} to ${after}, which players cannot follow: delete the Channel and apply it again`;
  return sourceError('SOURCE_UNSUPPORTED', message, { retryable: false });
}

function urlObstacle(route: Route, sample: SegmentSample | null): Obstacle | null {
  const urls = [route.source.uri, ...(sample?.uris ?? [])].map((uri) => new URL(uri));
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
  return null;
}

/** Whether all audio is in playlists of its own, beside the pictures: no rung has to carry it then. */
export function hasAudioBeside({ renditions = [] }: SourceFacts): boolean {
  const audio = renditions.filter(({ kind }) => kind === 'Audio');
  return audio.length > 0 && audio.every(({ name }) => name !== 'source');
}

/** Why rungs cannot be joined with this source; null if they can, or if that is not known yet. */
export function transcodeObstacle(facts: SourceFacts | null, sample: SegmentSample | null): Obstacle | null {
  if (facts === null) return null;
  const encryption = sample?.encryption ?? facts.encryption ?? null;
  if (encryption !== null) {
    const message = `The source's segments are encrypted with ${encryption}, and only viewers get their keys, so that they cannot be transcoded; Proxy is the highest mode`;
    return { reason: 'Encrypted', message };
  }
  if (facts.container === 'unknown') {
    const message =
      "The source's segments are neither MPEG-TS nor fragmented MP4 with EXT-X-MAP, so that they cannot be transcoded";
    return { reason: 'UnknownContainer', message };
  }
  if (!facts.videoCodec.startsWith('avc1')) {
    const found = facts.videoCodec === '' ? 'no known video' : facts.videoCodec;
    const message = `The source has ${found}; only H.264 video can be joined with the ladder, in MP4 with its parameter sets in the initialization section (avc1)`;
    return { reason: 'VideoCodec', message };
  }
  if (facts.audioCodec !== '' && !hasAudioBeside(facts) && !facts.audioCodec.startsWith('mp4a.40')) {
    return { reason: 'AudioCodec', message: `The source has ${facts.audioCodec} audio; only AAC can be copied` };
  }
  if (!facts.startsWithKeyframe) {
    return { reason: 'NoKeyframeAtStart', message: "The source's segments do not start on a keyframe" };
  }
  return null;
}
