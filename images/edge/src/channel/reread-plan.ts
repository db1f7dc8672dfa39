import type { SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { type KnownSegment, markOf } from '../source/intake.ts';
import type { SourcePlaylist, SourceSegment } from '../source/parse.ts';
import { extensionOf } from '../source/segment-kind.ts';
import { bytesOf, listedSeconds, type TimelineEntry, type TimelineLog } from '../timeline/log.ts';
import { segmentName } from '../timeline/names.ts';
import { type Fetchable, NOT_ASKED, publishedDuration } from './pending.ts';

/** Film may differ by this from what its playlist says, in seconds or as a share of it: sources round, and cut where keyframes are. */
const MOST_OFF_SECONDS = 0.5;
const MOST_OFF_SHARE = 0.25;

/** What is listed already is due. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/** What is known of a listed segment and of its source. */
export interface RereadFacts {
  readonly uid: string;
  readonly log: TimelineLog;
  /** The source's own numbers and names of what has been published. */
  readonly known: readonly KnownSegment[];
  /** The source's newest playlist. */
  readonly playlist: SourcePlaylist;
}

/** What the source is asked for again. */
export interface Rereadable extends Fetchable {
  /** EXTINF in seconds as it is listed. */
  readonly durationSeconds: number;
  /** Name of the initialization section that is listed with it; null for everything but fragmented MP4. */
  readonly map: string | null;
}

/**
 * Until when a log's files can be wanted, in ms, after what is listed at `now` will be no more: it leaves the playlist within a
 * window, and can be had for one more.
 */
export function wantedUntil(log: TimelineLog, now: number): number {
  return now + 2 * (listedSeconds(log) + log.targetDurationSeconds) * 1000;
}

/**
 * The segment of the source that a listed file is, or is an alias of; for an initialization section one that needs it. Null
 * where none is listed, it is of an earlier epoch, whose numbers the source no longer has, or the source names another
 * segment so by now.
 */
export function rereadable(name: string, facts: RereadFacts): Rereadable | null {
  const { log, known, playlist } = facts;
  for (const entry of log.entries) {
    if (entry.epoch !== log.epoch) continue;
    const rung = Object.keys(entry.names).find((one) => entry.names[one] === name || bytesOf(entry, one)?.map === name);
    const bytes = rung === undefined ? null : bytesOf(entry, rung);
    const msn = entry.msn - log.msnOffset;
    const mark = known.find((one) => one.msn === msn)?.mark;
    if (rung === undefined || bytes === null || mark === undefined) continue;
    const reference = sourceOf(entry, msn, mark, log, playlist);
    const isBeside = entry.beside?.[rung] !== undefined;
    const source = isBeside ? reference?.beside?.[rung] : reference;
    if (source == null || (source.map === null) !== (bytes.map === null)) continue;
    const { epoch } = entry;
    const durationSeconds = bytes.durationSeconds ?? entry.durationSeconds;
    const id = { uid: facts.uid, epoch, rung: isBeside ? rung : 'source', msn: entry.msn, attempt: 0 };
    const sourceName = segmentName(id, extensionOf(source));
    const period =
      log.discontinuityBase + log.entries.filter((one) => one.discontinuity && one.msn <= entry.msn).length;
    const listed = { publishAt: LONG_AGO, durationSeconds, map: bytes.map };
    return { epoch, period, source, sourceName, ...listed, download: NOT_ASKED };
  }
  return null;
}

function sourceOf(
  entry: TimelineEntry,
  msn: number,
  mark: string,
  log: TimelineLog,
  { segments }: SourcePlaylist,
): SourceSegment | null {
  const listed = segments.find((segment) => segment.msn === msn);
  if (listed === undefined) return departed(entry, msn, mark, segments);
  const isSame = markOf(listed) === mark && !listed.gap;
  return isSame && publishedDuration(listed.durationSeconds, log.targetDurationSeconds) === entry.durationSeconds
    ? listed
    : null;
}

/**
 * A segment that has left the source's playlist, which keeps it available for a while (RFC 8216bis 6.2.2): beside those that
 * it lists, where their URLs are nothing but a folder and a name.
 */
function departed(
  { durationSeconds, dateTime, keys }: TimelineEntry,
  msn: number,
  mark: string,
  segments: readonly SourceSegment[],
): SourceSegment | null {
  const [oldest] = segments;
  if (oldest === undefined || msn > oldest.msn || keys !== undefined || oldest.keys.length > 0) return null;
  const isPlain = oldest.range === null && !oldest.gap && URL.parse(markOf(oldest), oldest.uri)?.href === oldest.uri;
  if (!isPlain) return null;
  const uri = URL.parse(mark, oldest.uri)?.href;
  // Another edge has told the name: it must not lead anywhere else.
  if (uri === undefined || new URL('.', uri).href !== new URL('.', oldest.uri).href) return null;
  return { ...oldest, msn, uri, durationSeconds, dateTime, discontinuity: false, markers: [], beside: {} };
}

/** Whether the film in a segment is as long as was listed, as far as its frames tell: names do come back with other film. */
export function lastsAsListed(inspection: SegmentInspection | null, durationSeconds: number): boolean {
  const video = inspection?.video;
  if (video === null || video === undefined || video.frameRateMilli === 0) return true;
  const seconds = (video.frames * 1000) / video.frameRateMilli;
  return Math.abs(seconds - durationSeconds) <= Math.max(MOST_OFF_SECONDS, MOST_OFF_SHARE * durationSeconds);
}
