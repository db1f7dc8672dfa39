import type { SegmentContent } from '../source/content.ts';
import { beginTogether } from '../source/content.ts';
import { encryptionOfSection } from '../source/facts.ts';
import { toleranceSeconds } from '../source/numbers.ts';
import type { SourceSegment } from '../source/parse.ts';
import { STORAGE_FULL } from '../storage/errors.ts';

/** How a segment stands to the one before: `epoch` begins new numbers, `skip` moves on over numbers never listed. */
export type Start = 'continue' | 'skip' | 'epoch';

/** One file of the source that has to be stored. */
export interface Fetchable {
  readonly epoch: number;
  /**
   * Counts the discontinuities of the channel, up to this segment: behind one a source may have other bytes under an old
   * name. Its own discontinuity sequence is no count where it leaves EXT-X-DISCONTINUITY-SEQUENCE out.
   */
  readonly period: number;
  readonly source: SourceSegment;
  /** Name of the stored source bytes. */
  readonly sourceName: string;
  /** When it is to be listed, in ms of the channel's clock. */
  readonly publishAt: number;
  download: Download;
}

/** What another rendition of the source has of a segment's time. */
export interface BesideSegment extends Fetchable {
  /** EXTINF in seconds as it will be published. */
  readonly durationSeconds: number;
}

/** A segment on its way from the source into the timeline. */
export interface PendingSegment extends Fetchable {
  /** Published number. */
  readonly msn: number;
  readonly start: Start;
  /**
   * What the source's other renditions have of the same time, by rung, of all such rungs of the timeline; null where they
   * have nothing.
   */
  readonly beside: Readonly<Record<string, BesideSegment | null>>;
  /** EXTINF in seconds as it will be published. */
  readonly durationSeconds: number;
  /** Timestamps break in front of it. */
  readonly discontinuity: boolean;
  /** Ad markers in front of it: whole lines. */
  readonly markers: readonly string[];
}

/** Everything that has to be stored of a segment, in all renditions of the source. */
export function filesOfSegment(segment: PendingSegment): readonly Fetchable[] {
  return [segment, ...Object.values(segment.beside).filter((one) => one !== null)];
}

/** Whether a segment is stored in all renditions of the source, as far as that will ever be. */
export function isSettled(segment: PendingSegment): boolean {
  return filesOfSegment(segment).every(({ download }) => download.state === 'stored' || download.state === 'lost');
}

/**
 * Whether a rendition has nothing of a segment: it was never listed there, could not be had, or begins at another time
 * than the reference's, so that the numbers do not mean the same any more. What is not stored is taken on trust.
 */
export function isMissing<T extends Fetchable>(
  one: T | null,
  { download, durationSeconds }: PendingSegment,
): one is null {
  if (one === null || one.download.state === 'lost') return true;
  const start = download.state === 'stored' ? download.start : null;
  return (
    one.download.state === 'stored' && !beginTogether(start, one.download.start, toleranceSeconds(durationSeconds))
  );
}

/** What is known of a pending segment's bytes. */
export type Download =
  | { readonly state: 'none'; readonly failures: number; readonly retryAt: number }
  | { readonly state: 'running'; readonly failures: number }
  | {
      readonly state: 'stored';
      /** What rungs are compared with; null for everything but MPEG-TS, and where it is encrypted. */
      readonly inspection: SegmentContent['inspection'];
      /** The same of fragmented MP4; null for everything else, and where an EXT-X-KEY says that it is encrypted. */
      readonly spans: SegmentContent['spans'];
      /** When its media begins, to compare renditions; null where it does not say. */
      readonly start: SegmentContent['start'];
      /** Name of the stored Media Initialization Section; null for MPEG-TS. */
      readonly map: string | null;
    }
  /** Given up: the segment is listed as a gap. */
  | { readonly state: 'lost' };

/** Scheme by which a stored segment's initialization section says that it is encrypted; null where it does not. */
export function encryptionIn({ download }: Pick<PendingSegment, 'download'>): string | null {
  return download.state === 'stored' && download.spans !== null ? encryptionOfSection(download.spans.init) : null;
}

/** What there is to know of a segment's bytes before anybody asks for them: of a gap of the source, that there are none. */
export function firstDownload(source: SourceSegment): Download {
  return source.gap ? { state: 'lost' } : NOT_ASKED;
}

/** A segment whose download nobody has asked for. */
export const NOT_ASKED: Download = { state: 'none', failures: 0, retryAt: 0 };

/** Tries of one segment: together they take about as long as the segment stays in a short window. */
export const MAX_TRIES = 5;

/** Fewer tries after errors that the next one will hardly end otherwise, by their codes. */
const FEWER_TRIES: Readonly<Record<string, number>> = {
  // The source answered 404 or 410.
  SOURCE_NOT_FOUND: 2,
  // It was written three times in vain: only a channel that goes on, over the segment, gives back what it lists.
  [STORAGE_FULL]: 1,
};

/** The state after a try that failed with an error of this code, behind so many that failed before. */
export function afterFailure(failures: number, code: string, now: number): Download {
  const count = failures + 1;
  if (count >= (FEWER_TRIES[code] ?? MAX_TRIES)) return { state: 'lost' };
  return { state: 'none', failures: count, retryAt: now + 250 * 2 ** count };
}

/**
 * EXTINF that keeps the target duration true: a source that exceeds its own is cut to what rounds to it
 * (RFC 8216bis 4.4.3.1); players go by timestamps.
 */
export function publishedDuration(seconds: number, targetDurationSeconds: number): number {
  return Math.round(seconds) > targetDurationSeconds ? targetDurationSeconds + 0.499 : seconds;
}
