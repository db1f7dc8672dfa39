import { messageOf } from '@sluice/common/errors/error.ts';
import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import { sourceError } from './errors.ts';
import { probeRendition, type RenditionProbe } from './probe-rendition.ts';
import { inWords, type RenditionChoice } from './renditions.ts';

/**
 * Time in ms for all renditions together. Each is some requests of at most ten seconds: sources that trickle could make eight
 * renditions last eleven minutes, in which nobody sees the channel.
 */
const ALL_TIMEOUT_MS = 60_000;

/** Longest text of what is left out. */
const MAX_LEFT_OUT = 1024;

/** What a source offers beside its reference. */
export interface RenditionsFound {
  readonly renditions: readonly SourceRendition[];
  /** What is not carried, and why; empty if nothing. */
  readonly leftOut: string;
  /** Access-Control-Allow-Origin of every answer. */
  readonly allowOrigins: readonly (string | null)[];
  /** Codec of the audio beside the pictures; null where it is in them. */
  readonly audioCodec: string | null;
}

/** Of a source that has one rendition. */
export const NOTHING_BESIDE: RenditionsFound = { renditions: [], leftOut: '', allowOrigins: [], audioCodec: null };

/**
 * Looks once at every rendition that may be carried: how its numbers stand to those of the reference. What fails is left out,
 * in words, and so is what has not answered once `tooLate` is. Throws SOURCE_UNSUPPORTED where the pictures would have no audio
 * then.
 */
export async function probeRenditions(
  choice: RenditionChoice,
  input: RenditionProbe,
  tooLate: AbortSignal = AbortSignal.timeout(ALL_TIMEOUT_MS),
): Promise<RenditionsFound> {
  const bounds = { ...input.bounds, signal: AbortSignal.any([input.bounds.signal, tooLate]) };
  const leftOut = [...choice.leftOut];
  const carried: SourceRendition[] = [];
  const allowOrigins: (string | null)[] = [];
  let audioCodec: string | null = null;
  for (const candidate of choice.candidates) {
    try {
      const found = await probeRendition(candidate, { ...input, bounds });
      const { msnOffset } = found;
      carried.push({ ...candidate.rendition, ...(msnOffset === 0 ? {} : { msnOffset }) });
      allowOrigins.push(...found.allowOrigins);
      if (candidate.rendition.kind === 'Audio' && !input.hasAudio) audioCodec ??= found.audioCodec;
    } catch (error) {
      if (input.bounds.signal.aborted) throw error;
      const why = tooLate.aborted ? 'the source does not show all of its renditions within a minute' : messageOf(error);
      leftOut.push(`${inWords(candidate.rendition)}: ${why}`);
    }
  }
  if (choice.needsAudio && !input.hasAudio && !carried.some(({ kind }) => kind === 'Audio')) {
    throw sourceError(
      'SOURCE_UNSUPPORTED',
      `The source's audio cannot be carried: ${leftOut.join('; ')}`.slice(0, MAX_LEFT_OUT),
    );
  }
  return {
    renditions: withinFirst(choice, carried),
    leftOut: leftOut.join('; ').slice(0, MAX_LEFT_OUT),
    allowOrigins,
    audioCodec,
  };
}

/** Audio within the pictures' segments is a member of the group only where there are others to choose from. */
function withinFirst({ within }: RenditionChoice, carried: readonly SourceRendition[]): readonly SourceRendition[] {
  const firstTrack = carried.findIndex(({ kind }) => kind !== 'Video');
  const at = firstTrack < 0 ? carried.length : firstTrack;
  return carried.some(({ kind }) => kind === 'Audio')
    ? [...carried.slice(0, at), ...within, ...carried.slice(at)]
    : carried;
}
