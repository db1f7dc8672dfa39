import type { RouteRung, SourceFacts } from '@sluice/common/link/messages.ts';

/** Bitrate in bit/s that a rung's audio may take where it is copied from the source: AAC stereo at its usual most. */
const AUDIO_BITRATE_BPS = 192_000;

/** MPEG-TS adds headers and stuffing to the streams in it: about a tenth at these bitrates. */
const CONTAINER_FACTOR = 1.1;

/** Level (times 10) of H.264 that libx264 chooses at most for a picture height up to 60 frames per second (Annex A.3). */
const LEVELS: readonly (readonly [height: number, level: number])[] = [
  [240, 30],
  [360, 31],
  [480, 31],
  [720, 40],
  [1080, 42],
  [Number.POSITIVE_INFINITY, 52],
];

const AVC_HIGH_PROFILE = 0x64;

/** Width in pixels of a rung: the source's shape at the rung's height, even because 4:2:0 needs it; null if unknown. */
function rungWidth(facts: SourceFacts, height: number): number | null {
  return facts.width > 0 && facts.height > 0 ? 2 * Math.round((facts.width * height) / facts.height / 2) : null;
}

/**
 * The codec of a rung that is the source's own segments at one time and libx264's at another: CODECS must cover every
 * format that appears (RFC 8216bis 4.4.6.2), so the higher level of the two, in High profile.
 */
export function coveringCodec(sourceCodec: string, rungHeight: number): string {
  const level = LEVELS.find(([height]) => rungHeight <= height)?.[1] ?? 52;
  const match = /^avc1\.([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(sourceCodec);
  const sourceLevel = match?.[3] === undefined ? 0 : Number.parseInt(match[3], 16);
  const sourceProfile = match?.[1] === undefined ? 0 : Number.parseInt(match[1], 16);
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `avc1.${hex(Math.max(AVC_HIGH_PROFILE, sourceProfile))}00${hex(Math.max(level, sourceLevel))}`;
}

/** Whether rungs may ever be another encoding than the source's: others stay aliases of it for ever. */
function isEncodable(facts: SourceFacts): boolean {
  return facts.container === 'mpegts' && facts.videoCodec.startsWith('avc1');
}

interface Variant {
  readonly name: string;
  readonly bandwidth: number;
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number;
}

function variantLines(variant: Variant, frameRateMilli: number, sessionQuery: string): string {
  const attributes = [`BANDWIDTH=${Math.round(variant.bandwidth)}`];
  if (variant.width !== null && variant.height > 0) attributes.push(`RESOLUTION=${variant.width}x${variant.height}`);
  if (frameRateMilli > 0) attributes.push(`FRAME-RATE=${(frameRateMilli / 1000).toFixed(3)}`);
  const codecs = variant.codecs.filter((codec) => codec !== '');
  if (codecs.length > 0) attributes.push(`CODECS="${codecs.join(',')}"`);
  const query = sessionQuery === '' ? '' : `?${sessionQuery}`;
  return `#EXT-X-STREAM-INF:${attributes.join(',')}\n${variant.name}.m3u8${query}`;
}

/**
 * The multivariant playlist: the source's own rendition first, then the whole ladder, in every mode the same.
 * EXT-X-INDEPENDENT-SEGMENTS stands only here and only where it is true (RFC 8216bis 4.4.2.1): it speaks for all media
 * playlists. `sessionQuery` (without `?`) goes onto each media playlist's URL.
 */
export function multivariantPlaylist(facts: SourceFacts, ladder: readonly RouteRung[], sessionQuery: string): string {
  const source: Variant = {
    name: 'source',
    bandwidth: facts.bitrateBps,
    codecs: [facts.videoCodec, facts.audioCodec],
    width: facts.width > 0 ? facts.width : null,
    height: facts.height,
  };
  const rungs = ladder.map((rung) => ({
    name: rung.name,
    bandwidth: (rung.bitrateBps + (facts.audioCodec === '' ? 0 : AUDIO_BITRATE_BPS)) * CONTAINER_FACTOR,
    codecs: [isEncodable(facts) ? coveringCodec(facts.videoCodec, rung.height) : facts.videoCodec, facts.audioCodec],
    width: rungWidth(facts, rung.height),
    height: rung.height,
  }));
  const variants = [source, ...rungs].map((variant) => variantLines(variant, facts.frameRateMilli, sessionQuery));
  const independent = facts.startsWithKeyframe ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : [];
  return `${['#EXTM3U', '#EXT-X-VERSION:8', ...independent, ...variants].join('\n')}\n`;
}
