import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import type { SourceSegment } from '../source/parse.ts';
import { STORAGE_FULL } from '../storage/errors.ts';

/** How a segment stands to the one before: `epoch` begins new numbers, `skip` moves on over numbers never listed. */
export type Start = 'continue' | 'skip' | 'epoch';

/** A segment on its way from the source into the timeline. */
export interface PendingSegment {
  /** Published number. */
  readonly msn: number;
  readonly epoch: number;
  readonly start: Start;
  readonly source: SourceSegment;
  /** EXTINF in seconds as it will be published. */
  readonly durationSeconds: number;
  /** Timestamps break in front of it. */
  readonly discontinuity: boolean;
  /** ms of the channel's clock. */
  readonly publishAt: number;
  /** Name of the stored source bytes. */
  readonly sourceName: string;
  /** Ad markers in front of it: whole lines. */
  readonly markers: readonly string[];
  download: Download;
}

/** What is known of a pending segment's bytes. */
export type Download =
  | { readonly state: 'none'; readonly failures: number; readonly retryAt: number }
  | { readonly state: 'running'; readonly failures: number }
  | {
      readonly state: 'stored';
      /** What rungs are compared with; null for fragmented MP4, and where it is encrypted. */
      readonly inspection: SegmentInspection | null;
      /** Name of the stored Media Initialization Section; null for MPEG-TS. */
      readonly map: string | null;
    }
  /** Given up: the segment is listed as a gap. */
  | { readonly state: 'lost' };

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
