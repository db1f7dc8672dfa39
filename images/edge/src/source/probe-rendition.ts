import type { InitInspection } from '@sluice/common/mp4/init.ts';
import { MAX_INIT_BYTES } from '@sluice/common/mp4/section.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import type { SourceClient, SourceRequest, SourceResponse } from './client.ts';
import {
  beginTogether,
  checkWebVtt,
  type MediaStart,
  secondsApart,
  startOfFragment,
  startOfPackedAudio,
  startOfTs,
} from './content.ts';
import { cuesOf, numbersShowing } from './cues.ts';
import { sourceError } from './errors.ts';
import { checkedInit } from './init.ts';
import { durationMismatch, indexAt, indexByDate, offsetByDurations, renumbered, toleranceSeconds } from './numbers.ts';
import type { SourcePlaylist, SourceSegment } from './parse.ts';
import { PlaylistReader } from './playlist-reader.ts';
import type { Candidate } from './renditions.ts';
import { extensionOf } from './segment-kind.ts';
import type { Variables } from './variables.ts';

/** Segments of one rendition of which the beginning is read, to find the one that begins with the reference's. */
const MAX_READS = 4;

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
  /** What playlists may import of the multivariant one. */
  readonly variables: Variables;
}

/** What one rendition is like. */
export interface FoundRendition {
  /** Its numbers less those of the reference for the same time. */
  readonly msnOffset: number;
  readonly audioCodec: string;
  readonly allowOrigins: readonly (string | null)[];
}

/** The beginning of one segment of a rendition. */
interface Beginning {
  readonly index: number;
  /** Null where it does not say, or cannot be read. */
  readonly start: MediaStart | null;
  readonly bytes: Uint8Array;
  readonly audioCodec: string;
  readonly allowOrigins: readonly (string | null)[];
}

function unsupported(why: string): never {
  throw sourceError('SOURCE_UNSUPPORTED', why);
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

/** Finds out how the numbers of one rendition stand to those of the reference. */
class RenditionLocator {
  readonly #input: RenditionProbe;
  readonly #playlist: SourcePlaylist;
  readonly #isPicture: boolean;
  readonly #read = new Map<number, Beginning>();

  constructor(input: RenditionProbe, playlist: SourcePlaylist, isPicture: boolean) {
    this.#input = input;
    this.#playlist = playlist;
    this.#isPicture = isPicture;
  }

  /** The segment that is of the same time as the probed one of the reference. Throws what stands in the way. */
  async locate(): Promise<Beginning> {
    const { segments } = this.#playlist;
    const index = this.#firstGuess();
    const guess = await this.#beginning(index);
    const { start } = this.#input;
    if (start !== null && guess.start !== null) return this.#byTime(guess, start);
    const other = await this.#untimed(guess, start);
    if (other === null) {
      const { msn } = this.#input.segment;
      unsupported(
        segments.some((one) => one.msn === msn)
          ? 'its playlist has as many segments, but they last otherwise'
          : `its playlist has no segment ${msn}, which the highest picture has, and neither dates nor durations nor cues tell which of its segments is of that time`,
      );
    }
    return this.#beginning(other);
  }

  /** By equal numbers, as they should be (RFC 8216bis 6.2.4), by dates, or as far from the end. */
  #firstGuess(): number {
    const { playlist, segment } = this.#input;
    const { segments } = this.#playlist;
    if (segments.length === 0) unsupported('it has no segments');
    const byNumber = segments.findIndex(({ msn }) => msn === segment.msn);
    if (byNumber >= 0) return byNumber;
    const fromEnd = playlist.segments.length - playlist.segments.indexOf(segment);
    return indexByDate(segment, this.#playlist) ?? Math.max(0, segments.length - fromEnd);
  }

  /** Follows the timestamps from one segment to the right one. */
  async #byTime(guess: Beginning, start: MediaStart): Promise<Beginning> {
    const { segment } = this.#input;
    const tolerance = toleranceSeconds(segment.durationSeconds);
    for (let found = guess; ; ) {
      const apart = found.start === null ? null : secondsApart(found.start, start);
      if (apart === null) return unsupported('its timestamps are of another clock than those of the highest picture');
      if (beginTogether(start, found.start, tolerance)) return found;
      const next = indexAt(this.#playlist.segments, found.index, apart);
      if (next === found.index || this.#read.has(next) || this.#read.size >= MAX_READS) {
        return unsupported(
          `segment ${this.#playlist.segments[found.index]?.msn ?? 0} begins at another time than segment ${segment.msn} of the highest picture, and no other is nearer`,
        );
      }
      found = await this.#beginning(next);
    }
  }

  /** Index of the segment of the same time where timestamps do not tell; null where nothing does. */
  async #untimed(guess: Beginning, start: MediaStart | null): Promise<number | null> {
    const { playlist, segment } = this.#input;
    const { segments } = this.#playlist;
    const byNumber = segments.findIndex(({ msn }) => msn === segment.msn);
    const byDate = indexByDate(segment, this.#playlist);
    if (byDate !== null && this.#fits(byDate)) return byDate;
    if (byNumber >= 0 && this.#fits(byNumber)) return byNumber;
    const offset = start === null ? null : await this.#offsetByCues(guess, start);
    const told = offset ?? offsetByDurations(playlist, this.#playlist);
    if (told === null) return null;
    const index = segments.findIndex(({ msn }) => msn === segment.msn + told);
    return index >= 0 && this.#fits(index) ? index : null;
  }

  /** Whether the durations agree if this segment is the one that is looked for. */
  #fits(index: number): boolean {
    const { playlist, segment } = this.#input;
    const offset = (this.#playlist.segments[index]?.msn ?? 0) - segment.msn;
    const tolerance = toleranceSeconds(segment.durationSeconds);
    return durationMismatch(playlist, renumbered(this.#playlist, offset), segment.msn, tolerance) === null;
  }

  /** By the cues of WebVTT, as far as all segments that are read agree. */
  async #offsetByCues(guess: Beginning, start: MediaStart): Promise<number | null> {
    const { playlist, segment } = this.#input;
    const index = playlist.segments.indexOf(segment);
    let agreed: ReadonlySet<number> | null = null;
    for (let at = guess.index; at >= 0 && this.#read.size < MAX_READS; at -= 1) {
      if (extensionOf(this.#playlist.segments[at] ?? segment) !== 'vtt') return null;
      const { bytes } = await this.#beginning(at);
      const own = this.#playlist.segments[at]?.msn ?? 0;
      const cues = cuesOf(bytes);
      if (cues.length === 0) continue;
      const offsets = numbersShowing(cues, playlist, index, start).map((msn) => own - msn);
      agreed = new Set(offsets.filter((one) => agreed?.has(one) ?? true));
      if (agreed.size <= 1) break;
    }
    const [only] = agreed ?? [];
    return agreed?.size === 1 && only !== undefined ? only : null;
  }

  async #beginning(index: number): Promise<Beginning> {
    const known = this.#read.get(index);
    if (known !== undefined) return known;
    const segment = this.#playlist.segments[index];
    if (segment === undefined) return unsupported('it has no segments');
    if (segment.gap) unsupported(`its segment ${segment.msn} is a gap`);
    const extension = extensionOf(segment);
    if (this.#isPicture && extension !== extensionOf(this.#input.segment)) {
      unsupported('it has another container than the highest picture');
    }
    const init = segment.map === null ? null : await this.#ask(segment.map, MAX_INIT_BYTES);
    const answer = await this.#ask(segment, this.#input.maxBytes);
    const isReadable = segment.keys.length === 0 && segment.mapKeys.length === 0;
    const [start, audioCodec] = isReadable
      ? startIn(extension, answer.bytes, init === null ? null : checkedInit(init.bytes))
      : [null, ''];
    const allowOrigins = [answer.allowOrigin, ...(init === null ? [] : [init.allowOrigin])];
    const found: Beginning = { index, start, bytes: isReadable ? answer.bytes : EMPTY, audioCodec, allowOrigins };
    this.#read.set(index, found);
    return found;
  }

  #ask({ uri, range }: Pick<SourceSegment, 'uri' | 'range'>, maxBytes: number): Promise<SourceResponse> {
    const { client, bounds, origin } = this.#input;
    return client.read({
      ...{ ...bounds, url: uri, origin, partial: true },
      maxBytes: range === null ? maxBytes : Math.min(maxBytes, range.length),
      ...(range === null ? {} : { range }),
    });
  }
}

const EMPTY = new Uint8Array();

/**
 * Looks at one rendition: which of its segments are of the same time as the reference's, by timestamps, else by dates, cues or
 * durations. Throws what stands in the way of carrying it.
 */
export async function probeRendition({ uri, rendition }: Candidate, input: RenditionProbe): Promise<FoundRendition> {
  const { client, bounds, origin, segment } = input;
  const reader = new PlaylistReader({ client, headers: bounds.headers, origin }, uri, input.variables);
  const playlist = await reader.read(bounds.signal);
  if (playlist.kind !== 'media') throw sourceError('PLAYLIST_INVALID', 'its playlist is no media playlist');
  const found = await new RenditionLocator(input, playlist, rendition.kind === 'Video').locate();
  const msnOffset = (playlist.segments[found.index]?.msn ?? 0) - segment.msn;
  const tolerance = toleranceSeconds(segment.durationSeconds);
  const mismatch = durationMismatch(input.playlist, renumbered(playlist, msnOffset), segment.msn, tolerance);
  if (mismatch !== null) unsupported(mismatch);
  return { msnOffset, audioCodec: found.audioCodec, allowOrigins: [reader.allowOrigin, ...found.allowOrigins] };
}
