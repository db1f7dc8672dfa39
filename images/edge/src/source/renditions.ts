import {
  MAX_SOURCE_RENDITIONS,
  type SourceCaptions,
  type SourceFacts,
  type SourceRendition,
  sourceCaptionsSchema,
} from '@sluice/common/link/source-facts.ts';
import type { SourceMedia, SourceMultivariant, SourceVariant } from './multivariant.ts';
import type { Variables } from './variables.ts';

/** Characters of a name, a language and codecs that are kept: what the link admits. */
const MAX_LABEL = 128;
const MAX_LANGUAGE = 64;

/** A rendition that can be carried beside the reference. */
export interface Candidate {
  readonly rendition: SourceRendition;
  /** Absolute URL of its media playlist. */
  readonly uri: string;
}

/** What is taken of a multivariant source. */
export interface RenditionChoice {
  /** The highest picture: its playlist is the channel's clock. */
  readonly reference: SourceVariant;
  /** Pictures from high to low, audio, subtitles. */
  readonly candidates: readonly Candidate[];
  /** Audio in the reference's own segments that has a name. */
  readonly within: readonly SourceRendition[];
  /** The reference has no audio of its own: at least one of the candidates must bring it. */
  readonly needsAudio: boolean;
  /** What is not taken, in words. */
  readonly leftOut: readonly string[];
  /** Captions within the reference's pictures; empty: the source says that there are none; null: it says nothing. */
  readonly captions: readonly SourceCaptions[] | null;
  /** What the playlists of all of them may import. */
  readonly variables: Variables;
}

/** Whether the rung of a channel is a rendition of its source beside the reference; ladders cannot have such names. */
export function isBeside(rung: string): boolean {
  return rung.startsWith('source-');
}

/** Rungs of a source's other renditions, in the order of its playlists. */
export function besideRungs(facts: SourceFacts | null): readonly string[] {
  return (facts?.renditions ?? []).map(({ name }) => name).filter(isBeside);
}

const NO_PICTURE = { bitrateBps: 0, codecs: '', width: 0, height: 0, frameRateMilli: 0 };
const NO_TRACK = { label: '', language: '', default: false, autoselect: false, forced: false };

function isHigher(one: SourceVariant, other: SourceVariant): number {
  return other.height - one.height || (other.bandwidthBps ?? 0) - (one.bandwidthBps ?? 0);
}

/** Codecs that are no picture: a variant of nothing else is for listening. */
function isAudioOnly({ codecs, height }: SourceVariant): boolean {
  const names = codecs.split(',').map((name) => name.trim());
  return height === 0 && codecs !== '' && names.every((name) => /^(mp4a|ac-3|ec-3|opus|flac)/i.test(name));
}

function pictures(all: readonly SourceVariant[]): readonly Candidate[] {
  const names = new Set<string>();
  return all.map((variant, index) => {
    const base = variant.height > 0 ? `source-${variant.height}p` : `source-${index + 2}`;
    const name = names.has(base) ? `${base}-${index + 2}` : base;
    names.add(name);
    const rendition: SourceRendition = {
      ...NO_TRACK,
      name,
      kind: 'Video',
      bitrateBps: Math.ceil(variant.bandwidthBps ?? 0),
      codecs: variant.codecs.slice(0, MAX_LABEL),
      width: variant.width,
      height: variant.height,
      frameRateMilli: Math.round(variant.frameRate * 1000),
    };
    return { rendition, uri: variant.uri };
  });
}

function track(kind: 'Audio' | 'Subtitles', name: string, media: SourceMedia): SourceRendition {
  return {
    ...NO_PICTURE,
    name,
    kind,
    label: media.label.slice(0, MAX_LABEL),
    language: media.language.slice(0, MAX_LANGUAGE),
    default: media.default,
    autoselect: media.autoselect || media.default,
    forced: media.forced,
    ...(kind === 'Audio' && media.channels !== '' ? { channels: media.channels } : {}),
  };
}

function tracks(kind: 'Audio' | 'Subtitles', members: readonly SourceMedia[]): readonly Candidate[] {
  const ordered = [...members].sort((one, other) => Number(other.default) - Number(one.default));
  return ordered.flatMap((media, index) =>
    media.uri === null
      ? []
      : [{ rendition: track(kind, `source-${kind.toLowerCase()}-${index + 1}`, media), uri: media.uri }],
  );
}

/** Renditions in words, e.g. for a condition. */
export function inWords({ kind, name, label, language }: SourceRendition): string {
  if (kind === 'Video') return `the picture ${name.replace(/^source-/, '')}`;
  const what = kind === 'Audio' ? 'the audio' : 'the subtitles';
  return `${what} "${label}"${language === '' ? '' : ` (${language})`}`;
}

/** What a source says of captions within its reference's pictures; one that cannot be passed on counts as not said. */
function captionsOf(source: SourceMultivariant, { captionsGroup }: SourceVariant): readonly SourceCaptions[] | null {
  if (captionsGroup === null) return null;
  if (captionsGroup === 'NONE') return [];
  const members = (source.captions.get(captionsGroup) ?? []).slice(0, MAX_SOURCE_RENDITIONS);
  const found = members.flatMap(({ instreamId, label, language, default: isDefault, autoselect }) => {
    const words = { label: label.slice(0, MAX_LABEL), language: language.slice(0, MAX_LANGUAGE) };
    const parsed = sourceCaptionsSchema.safeParse({
      ...{ instreamId, ...words, default: isDefault, autoselect: autoselect || isDefault },
    });
    return parsed.success ? [parsed.data] : [];
  });
  return found.length === 0 ? null : found;
}

/** Whether a variant has no audio in its own segments. */
function isApart(source: SourceMultivariant, { audioGroup }: SourceVariant): boolean {
  const members = source.audio.get(audioGroup ?? '') ?? [];
  return members.length > 0 && members.every(({ uri }) => uri !== null);
}

/**
 * Chooses what of a source is followed: the highest picture as reference, and what plays with it. Variants with other
 * audio than the reference's are left out, because the channel's playlists have one group of audio; so is what is more
 * than a channel carries: audio comes first then, the default one before the others.
 * @param audioApart false: audio in playlists of its own cannot be carried, and pictures with audio in their own segments
 *   are preferred, where there are any
 */
export function chooseRenditions(source: SourceMultivariant, audioApart: boolean): RenditionChoice {
  const seen = source.variants.filter((variant) => !isAudioOnly(variant));
  const heard = audioApart ? [] : seen.filter((variant) => !isApart(source, variant));
  const pool = [heard, seen, source.variants].find(({ length }) => length > 0) ?? [];
  const [reference] = [...pool].sort(isHigher);
  if (reference === undefined) throw new RangeError('a multivariant playlist names one variant at least');
  const audio = source.audio.get(reference.audioGroup ?? '') ?? [];
  const subtitles = source.subtitles.get(reference.subtitlesGroup ?? '') ?? [];
  const others = seen.filter((variant) => variant !== reference).sort(isHigher);
  const uris = new Set([reference.uri]);
  const fitting = others.filter(({ uri, audioGroup }) => {
    const fits = audioGroup === reference.audioGroup && !uris.has(uri);
    uris.add(uri);
    return fits;
  });
  const otherGroups = others.filter(({ audioGroup }) => audioGroup !== reference.audioGroup).length;
  const inOrder = [...tracks('Audio', audio), ...pictures(fitting), ...tracks('Subtitles', subtitles)];
  const taken = new Set(inOrder.slice(0, MAX_SOURCE_RENDITIONS));
  const tooMany = inOrder.filter((one) => !taken.has(one)).map(({ rendition }) => inWords(rendition));
  return {
    reference,
    candidates: [...taken].sort((one, other) => rank(one) - rank(other)),
    within: audio
      .filter(({ uri }) => uri === null)
      .slice(0, MAX_SOURCE_RENDITIONS)
      .map((media) => track('Audio', 'source', media)),
    captions: captionsOf(source, reference),
    variables: source.variables,
    needsAudio: isApart(source, reference),
    leftOut: [
      ...(otherGroups > 0 ? [`${otherGroups} variants with another group of audio than the highest picture's`] : []),
      ...tooMany.map((words) => `${words} (more than the ${MAX_SOURCE_RENDITIONS} renditions that a channel carries)`),
    ],
  };
}

function rank({ rendition }: Candidate): number {
  return ['Video', 'Audio', 'Subtitles'].indexOf(rendition.kind);
}
