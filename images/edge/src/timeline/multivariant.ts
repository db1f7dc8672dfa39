import type { RouteRung } from '@sluice/common/link/route.ts';
import type { SourceCaptions, SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';

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
  return facts.container !== 'unknown' && facts.videoCodec.startsWith('avc1');
}

interface Variant {
  readonly name: string;
  readonly bandwidth: number;
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number;
  readonly frameRateMilli: number;
}

/** Names of the channel's groups of audio tracks and subtitles: one of each is all that a channel has. */
const GROUPS = { Audio: 'audio', Subtitles: 'subtitles' } as const;
const CAPTIONS_GROUP = 'captions';

function playlistUri(rung: string, sessionQuery: string): string {
  return `${rung}.m3u8${sessionQuery === '' ? '' : `?${sessionQuery}`}`;
}

/** EXT-X-MEDIA of an audio track or subtitles (RFC 8216bis 4.4.6.1); without URI where it is in the pictures' segments. */
function mediaLine(rendition: SourceRendition, sessionQuery: string): string {
  const { kind, name, label, language, forced, channels } = rendition;
  const yes = (value: boolean): string => (value ? 'YES' : 'NO');
  const attributes = [`TYPE=${kind.toUpperCase()}`, `GROUP-ID="${kind === 'Audio' ? GROUPS.Audio : GROUPS.Subtitles}"`];
  attributes.push(`NAME="${label === '' ? name : label}"`);
  if (language !== '') attributes.push(`LANGUAGE="${language}"`);
  attributes.push(`DEFAULT=${yes(rendition.default)}`, `AUTOSELECT=${yes(rendition.autoselect)}`);
  if (kind === 'Subtitles') attributes.push(`FORCED=${yes(forced)}`);
  if (channels !== undefined) attributes.push(`CHANNELS="${channels}"`);
  if (name !== 'source') attributes.push(`URI="${playlistUri(name, sessionQuery)}"`);
  return `#EXT-X-MEDIA:${attributes.join(',')}`;
}

/** EXT-X-MEDIA of captions that are in the pictures themselves. */
function captionsLine({ instreamId, label, language, ...rest }: SourceCaptions): string {
  const yes = (value: boolean): string => (value ? 'YES' : 'NO');
  const attributes = ['TYPE=CLOSED-CAPTIONS', `GROUP-ID="${CAPTIONS_GROUP}"`];
  attributes.push(`NAME="${label === '' ? instreamId : label}"`);
  if (language !== '') attributes.push(`LANGUAGE="${language}"`);
  attributes.push(`DEFAULT=${yes(rest.default)}`, `AUTOSELECT=${yes(rest.autoselect)}`, `INSTREAM-ID="${instreamId}"`);
  return `#EXT-X-MEDIA:${attributes.join(',')}`;
}

/** What every variant says of captions, as the source does: all of its pictures have the same, or none. */
function captionsAttribute({ captions }: SourceFacts): readonly string[] {
  if (captions === undefined) return [];
  return [captions.length === 0 ? 'CLOSED-CAPTIONS=NONE' : `CLOSED-CAPTIONS="${CAPTIONS_GROUP}"`];
}

function variantLines(variant: Variant, groups: readonly string[], sessionQuery: string): string {
  const { frameRateMilli } = variant;
  const attributes = [`BANDWIDTH=${Math.round(variant.bandwidth)}`];
  if (variant.width !== null && variant.height > 0) attributes.push(`RESOLUTION=${variant.width}x${variant.height}`);
  if (frameRateMilli > 0) attributes.push(`FRAME-RATE=${(frameRateMilli / 1000).toFixed(3)}`);
  const codecs = variant.codecs.filter((codec) => codec !== '');
  if (codecs.length > 0) attributes.push(`CODECS="${codecs.join(',')}"`);
  const lines = `#EXT-X-STREAM-INF:${[...attributes, ...groups].join(',')}`;
  return `${lines}\n${playlistUri(variant.name, sessionQuery)}`;
}

/** A lower picture of the source, as the source declares it. */
function otherPicture(rendition: SourceRendition, facts: SourceFacts): Variant {
  return {
    name: rendition.name,
    bandwidth: rendition.bitrateBps > 0 ? rendition.bitrateBps : facts.bitrateBps,
    codecs: rendition.codecs === '' ? [] : [rendition.codecs],
    width: rendition.width > 0 ? rendition.width : null,
    height: rendition.height,
    frameRateMilli: rendition.frameRateMilli > 0 ? rendition.frameRateMilli : facts.frameRateMilli,
  };
}

/**
 * The multivariant playlist: the source's highest rendition first, then its others, then the whole ladder, in every mode
 * the same. All variants play with the same audio tracks and subtitles.
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
    frameRateMilli: facts.frameRateMilli,
  };
  const { renditions = [] } = facts;
  const rungs = ladder.map((rung) => ({
    name: rung.name,
    bandwidth: (rung.bitrateBps + (facts.audioCodec === '' ? 0 : AUDIO_BITRATE_BPS)) * CONTAINER_FACTOR,
    codecs: [isEncodable(facts) ? coveringCodec(facts.videoCodec, rung.height) : facts.videoCodec, facts.audioCodec],
    width: rungWidth(facts, rung.height),
    height: rung.height,
    frameRateMilli: facts.frameRateMilli,
  }));
  const tracks = renditions.filter(({ kind }) => kind !== 'Video');
  const groups = (['Audio', 'Subtitles'] as const)
    .filter((kind) => tracks.some((one) => one.kind === kind))
    .map((kind) => `${kind.toUpperCase()}="${GROUPS[kind]}"`)
    .concat(captionsAttribute(facts));
  const pictures = renditions.filter(({ kind }) => kind === 'Video').map((one) => otherPicture(one, facts));
  const variants = [source, ...pictures, ...rungs].map((variant) => variantLines(variant, groups, sessionQuery));
  const independent = facts.startsWithKeyframe ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : [];
  const media = [...tracks.map((one) => mediaLine(one, sessionQuery)), ...(facts.captions ?? []).map(captionsLine)];
  return `${['#EXTM3U', '#EXT-X-VERSION:8', ...independent, ...media, ...variants].join('\n')}\n`;
}
