import { z } from 'zod';
import type { Attributes } from './attributes.ts';
import { sourceError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { absolute } from './uri.ts';
import type { Variables } from './variables.ts';

/** A decimal number that may be missing. */
const decimalSchema = z.coerce.number().positive().optional();

const streamSchema = z.object({
  BANDWIDTH: decimalSchema,
  CODECS: z.string().default(''),
  AUDIO: z.string().optional(),
  SUBTITLES: z.string().optional(),
  'CLOSED-CAPTIONS': z.string().optional(),
  'FRAME-RATE': decimalSchema,
  RESOLUTION: z
    .string()
    .regex(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, 'must be WIDTHxHEIGHT')
    .optional(),
});

/** CHANNELS: a count, and what follows slashes (RFC 8216bis 4.4.6.1). */
const CHANNELS = /^[\w/,.-]{1,64}$/;

/** One variant stream of a multivariant playlist (EXT-X-STREAM-INF, RFC 8216bis 4.4.6.2). */
export interface SourceVariant {
  /** Absolute URL. */
  readonly uri: string;
  readonly bandwidthBps: number | null;
  /** Pixels; 0 where the source does not say. */
  readonly width: number;
  readonly height: number;
  /** Frames per second; 0 where the source does not say. */
  readonly frameRate: number;
  readonly codecs: string;
  /** Names of the groups that play with it; null without one. */
  readonly audioGroup: string | null;
  readonly subtitlesGroup: string | null;
  /** `NONE` where the source says that there are no captions. */
  readonly captionsGroup: string | null;
}

/** A member of a group of audio tracks or subtitles (EXT-X-MEDIA, RFC 8216bis 4.4.6.1). */
export interface SourceMedia {
  readonly label: string;
  readonly language: string;
  readonly default: boolean;
  readonly autoselect: boolean;
  readonly forced: boolean;
  /** CHANNELS of audio; empty where the source does not say, or writes what it cannot be. */
  readonly channels: string;
  /** INSTREAM-ID of captions; empty else. */
  readonly instreamId: string;
  /** Absolute URL of its playlist; null for audio and captions that are in the variant's own segments. */
  readonly uri: string | null;
}

/** Members by the name of their group. */
export type SourceGroups = ReadonlyMap<string, readonly SourceMedia[]>;

/** A source's multivariant playlist. */
export interface SourceMultivariant {
  readonly kind: 'multivariant';
  /** One at least. */
  readonly variants: readonly SourceVariant[];
  readonly audio: SourceGroups;
  readonly subtitles: SourceGroups;
  readonly captions: SourceGroups;
  /** What the playlists that it names may import. */
  readonly variables: Variables;
}

/** Text that can stand in an attribute of ours: without quotes, line breaks and other control characters. */
function safeText(text: string | undefined): string {
  return (text ?? '').replaceAll(/[\p{Cc}"]/gu, ' ').trim();
}

function mediaOf(attributes: Attributes, url: string): SourceMedia {
  const uri = attributes.get('URI') ?? '';
  const is = (name: string): boolean => attributes.get(name) === 'YES';
  return {
    label: safeText(attributes.get('NAME')),
    language: safeText(attributes.get('LANGUAGE')),
    default: is('DEFAULT'),
    autoselect: is('AUTOSELECT'),
    forced: is('FORCED'),
    channels: CHANNELS.exec(attributes.get('CHANNELS') ?? '')?.[0] ?? '',
    instreamId: attributes.get('INSTREAM-ID') ?? '',
    uri: uri === '' ? null : absolute(uri, url),
  };
}

function groupsOf(type: string, renditions: readonly Attributes[], url: string): SourceGroups {
  const groups = new Map<string, SourceMedia[]>();
  for (const attributes of renditions) {
    if (attributes.get('TYPE') !== type) continue;
    const name = attributes.get('GROUP-ID') ?? '';
    groups.set(name, [...(groups.get(name) ?? []), mediaOf(attributes, url)]);
  }
  return groups;
}

/** Checks what a multivariant playlist at `url` says. Throws PLAYLIST_INVALID. */
export function multivariantOf({ variants, renditions, variables }: Manifest, url: string): SourceMultivariant {
  return {
    kind: 'multivariant',
    variants: variants.map(({ uri, attributes }) => variantOf(uri, attributes, url)),
    audio: groupsOf('AUDIO', renditions, url),
    subtitles: groupsOf('SUBTITLES', renditions, url),
    captions: groupsOf('CLOSED-CAPTIONS', renditions, url),
    variables,
  };
}

function variantOf(uri: string, attributes: Attributes, url: string): SourceVariant {
  const parsed = streamSchema.safeParse(Object.fromEntries(attributes));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`;
    throw sourceError('PLAYLIST_INVALID', `The source's playlist is not valid: ${where}`);
  }
  const { BANDWIDTH, RESOLUTION, CODECS, AUDIO, SUBTITLES } = parsed.data;
  const { 'FRAME-RATE': frameRate, 'CLOSED-CAPTIONS': captions } = parsed.data;
  const [width = 0, height = 0] = RESOLUTION?.split('x').map(Number) ?? [];
  return {
    uri: absolute(uri, url),
    bandwidthBps: BANDWIDTH ?? null,
    width,
    height,
    frameRate: frameRate ?? 0,
    codecs: safeText(CODECS),
    audioGroup: AUDIO ?? null,
    subtitlesGroup: SUBTITLES ?? null,
    captionsGroup: captions ?? null,
  };
}
