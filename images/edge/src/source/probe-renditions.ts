import { messageOf } from '@sluice/common/errors/error.ts';
import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import type { InitInspection } from '@sluice/common/mp4/init.ts';
import { MAX_INIT_BYTES } from '@sluice/common/mp4/section.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import type { SourceClient, SourceRequest } from './client.ts';
import {
  beginTogether,
  checkWebVtt,
  type MediaStart,
  startOfFragment,
  startOfPackedAudio,
  startOfTs,
} from './content.ts';
import { sourceError } from './errors.ts';
import { checkedInit } from './init.ts';
import type { SourcePlaylist, SourceSegment } from './parse.ts';
import { PlaylistReader } from './playlist-reader.ts';
import { type Candidate, inWords, type RenditionChoice } from './renditions.ts';
import { extensionOf } from './segment-kind.ts';

/** Seconds by which equal numbers of segments may last longer in one rendition than in another: frames of audio. */
const DURATION_TOLERANCE_SECONDS = 0.3;

/** Longest text of what is left out. */
const MAX_LEFT_OUT = 1024;

const PACKET_BYTES = 188;

/** What renditions are compared with. */
export interface RenditionProbe {
  readonly client: SourceClient;
  readonly bounds: Pick<SourceRequest, 'headers' | 'timeoutMs' | 'signal'>;
  /** Bytes read of a segment. */
  readonly maxBytes: number;
  readonly origin: string;
  /** Of the reference. */
  readonly playlist: SourcePlaylist;
  /** The probed one of the reference. */
  readonly segment: SourceSegment;
  readonly start: MediaStart | null;
  /** The reference's own segments have audio. */
  readonly hasAudio: boolean;
}

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

interface Found {
  readonly audioCodec: string;
  readonly allowOrigins: readonly (string | null)[];
}

function seconds(segments: readonly SourceSegment[], from: number, to: number): number {
  return segments
    .filter(({ msn }) => msn >= from && msn <= to)
    .reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
}

/**
 * Why the numbers of two playlists do not mean the same, in words; null if they do as far as the playlists tell:
 * both list the segment, with as much before it as the other.
 */
export function numberMismatch(reference: SourcePlaylist, other: SourcePlaylist, msn: number): string | null {
  const twin = other.segments.find((segment) => segment.msn === msn);
  if (twin === undefined) return `its playlist has no segment ${msn}, which the highest picture has`;
  const from = Math.max(reference.segments[0]?.msn ?? 0, other.segments[0]?.msn ?? 0);
  const apart = Math.abs(seconds(reference.segments, from, msn) - seconds(other.segments, from, msn));
  if (apart <= DURATION_TOLERANCE_SECONDS) return null;
  return `${msn - from + 1} of its segments last ${apart.toFixed(1)} s more or less than those of the picture`;
}

function startIn(extension: string, bytes: Uint8Array, init: InitInspection | null): [MediaStart | null, string] {
  if (extension === 'vtt') {
    checkWebVtt(bytes);
    return [null, ''];
  }
  if (extension === 'aac') return [startOfPackedAudio(bytes), 'mp4a.40.2'];
  if (init !== null) return [startOfFragment(bytes, init, true), init.audio?.codec ?? ''];
  const found = inspectSegment(bytes.subarray(0, bytes.length - (bytes.length % PACKET_BYTES)));
  return [startOfTs(found), found.audio?.codec ?? ''];
}

/** Looks at one rendition. Throws what stands in the way of carrying it. */
async function probe({ uri, rendition }: Candidate, input: RenditionProbe): Promise<Found> {
  const { client, bounds, origin } = input;
  const reader = new PlaylistReader({ client, headers: bounds.headers, origin }, uri);
  const playlist = await reader.read(bounds.signal);
  if (playlist.kind !== 'media') throw sourceError('PLAYLIST_INVALID', 'its playlist is no media playlist');
  const mismatch = numberMismatch(input.playlist, playlist, input.segment.msn);
  const twin = playlist.segments.find(({ msn }) => msn === input.segment.msn);
  if (mismatch !== null || twin === undefined)
    throw sourceError('SOURCE_UNSUPPORTED', mismatch ?? 'it has no segments');
  if (twin.gap) throw sourceError('SOURCE_UNSUPPORTED', `its segment ${twin.msn} is a gap`);
  const extension = extensionOf(twin);
  if (rendition.kind === 'Video' && extension !== extensionOf(input.segment)) {
    throw sourceError('SOURCE_UNSUPPORTED', 'it has another container than the highest picture');
  }
  const ask = (what: Pick<SourceSegment, 'uri' | 'range'>, maxBytes: number) =>
    client.read({
      ...{ ...bounds, url: what.uri, origin, partial: true },
      maxBytes: what.range === null ? maxBytes : Math.min(maxBytes, what.range.length),
      ...(what.range === null ? {} : { range: what.range }),
    });
  const init = twin.map === null ? null : await ask(twin.map, MAX_INIT_BYTES);
  const answer = await ask(twin, input.maxBytes);
  const isReadable = twin.keys.length === 0 && twin.mapKeys.length === 0;
  const [start, audioCodec] = isReadable
    ? startIn(extension, answer.bytes, init === null ? null : checkedInit(init.bytes))
    : [null, ''];
  if (!beginTogether(input.start, start)) {
    throw sourceError(
      'SOURCE_UNSUPPORTED',
      `segment ${twin.msn} begins at another time than that of the highest picture`,
    );
  }
  const allowOrigins = [reader.allowOrigin, answer.allowOrigin, ...(init === null ? [] : [init.allowOrigin])];
  return { audioCodec, allowOrigins };
}

/**
 * Looks once at every rendition that may be carried: whether its numbers mean the same as those of the reference, by the
 * playlists and by the timestamps of one segment. What fails is left out, in words. Throws SOURCE_UNSUPPORTED where the
 * pictures would have no audio then.
 */
export async function probeRenditions(choice: RenditionChoice, input: RenditionProbe): Promise<RenditionsFound> {
  const leftOut = [...choice.leftOut];
  const carried: SourceRendition[] = [];
  const allowOrigins: (string | null)[] = [];
  let audioCodec: string | null = null;
  for (const candidate of choice.candidates) {
    try {
      const found = await probe(candidate, input);
      carried.push(candidate.rendition);
      allowOrigins.push(...found.allowOrigins);
      if (candidate.rendition.kind === 'Audio' && !input.hasAudio) audioCodec ??= found.audioCodec;
    } catch (error) {
      if (input.bounds.signal.aborted) throw error;
      leftOut.push(`${inWords(candidate.rendition)}: ${messageOf(error)}`);
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
