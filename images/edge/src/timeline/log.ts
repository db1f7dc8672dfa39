import { SluiceError } from '@sluice/common/errors/error.ts';

/** What a player has to know to read a segment, beside its URI. */
export interface SegmentBytes {
  /**
   * URI of the Media Initialization Section that the segment needs (EXT-X-MAP, RFC 8216bis 4.4.4.5): relative to the
   * channel's URL, or in Direct the source's; null for everything but fragmented MP4, and for a gap, which nobody reads.
   */
  readonly map: string | null;
  /** What the name stands for where it is a part of a file (EXT-X-BYTERANGE): only in Direct, files of ours are whole. */
  readonly range?: ByteRange | undefined;
  /** The same for `map`. */
  readonly mapRange?: ByteRange | undefined;
  /** EXT-X-KEY lines, one per KEYFORMAT, where the bytes are encrypted; left out where they are not. */
  readonly keys?: readonly string[] | undefined;
  /** The same for the section `map`. */
  readonly mapKeys?: readonly string[] | undefined;
}

/** One published segment, as it is read in all rungs but those of `beside`. Once in a log it never changes (RFC 8216bis 6.2.1). */
export interface TimelineEntry extends SegmentBytes {
  /** Published media sequence number: the source's own plus the log's `msnOffset`. */
  readonly msn: number;
  /** Epoch whose clock this segment's timestamps follow. */
  readonly epoch: number;
  /** EXTINF in seconds, above 0; rounded to an integer it is at most the target duration. */
  readonly durationSeconds: number;
  /** RFC 3339 time of the first frame, or null where the source tells none. */
  readonly dateTime: string | null;
  /** Timestamps break in front of this segment (EXT-X-DISCONTINUITY). */
  readonly discontinuity: boolean;
  /** The source's bytes could not be had: players skip this segment in every rung (EXT-X-GAP, RFC 8216bis 4.4.4.7). */
  readonly gap: boolean;
  /** Per rung the URI that playlists name: relative to the channel's URL, or in Direct the source's absolute URL. */
  readonly names: Readonly<Record<string, string>>;
  /**
   * How rungs are read that are not read as the source is: its other renditions, e.g. audio in a playlist of its own (null: a
   * gap of that rung alone), and rungs of a transcoder that have an initialization section of their own. Left out where
   * there are no such rungs.
   */
  readonly beside?: Readonly<Record<string, BesideBytes | null>> | undefined;
  /** The source's ad markers in front of this segment (EXT-X-DATERANGE, EXT-X-CUE-OUT, ...), whole lines. */
  readonly markers?: readonly string[] | undefined;
}

/** How a segment of another rendition of the source is read. */
export interface BesideBytes extends SegmentBytes {
  /** EXTINF in seconds where it is not the entry's; rounded to an integer it is at most the target duration. */
  readonly durationSeconds?: number | undefined;
}

/** Bytes of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What a channel has published: the only input of its playlists. Values are never changed, operations make new ones. */
export interface TimelineLog {
  /** Grows when the source restarts its numbers, loses segments or is replaced; at least 1. */
  readonly epoch: number;
  /** EXT-X-TARGETDURATION in seconds, fixed for the life of the URL. */
  readonly targetDurationSeconds: number;
  /** EXT-X-DISCONTINUITY-SEQUENCE: tags that left the playlist with their segments. */
  readonly discontinuityBase: number;
  /** EXT-X-MEDIA-SEQUENCE: number of the first entry, or of the next one while there is none. */
  readonly firstListedMsn: number;
  /** Published number minus the source's, in this epoch. */
  readonly msnOffset: number;
  /** Published discontinuity sequence number minus the source's, in this epoch. */
  readonly discontinuityOffset: number;
  /** Names of the rungs, `source` first; every entry names a segment for each. */
  readonly rungs: readonly string[];
  /** Oldest first, numbers without a hole. */
  readonly entries: readonly TimelineEntry[];
  /** Nothing follows the newest entry (EXT-X-ENDLIST), until something does: whoever comes then finds a live playlist. */
  readonly ended?: boolean | undefined;
}

/** A playlist's window in segments: below 10 Shaka Player loses segments at switches (measured), so 12. */
export const WINDOW_SEGMENTS = 12;

/**
 * Most segments of a playlist: three of the longest target durations (120 s) in segments of 0.4 s. A source whose segments
 * last next to nothing would be listed, kept and sent on without end.
 */
export const MAX_ENTRIES = 1_000;

/**
 * Longest entry, as {@link entryBytes} counts: seventeen rungs (a ladder of eight, eight renditions) with the longest URL that
 * a playlist may have, 8,192 characters, and room for the keys of two DRM systems.
 */
export const MAX_ENTRY_BYTES = 160 * 1024;

/** Longest log: a window of the longest entries. Nobody follows one that no message can carry. */
export const MAX_LOG_BYTES = WINDOW_SEGMENTS * MAX_ENTRY_BYTES;

/** Bytes of an entry as files and messages carry it. */
export const entryBytes = (entry: TimelineEntry): number => Buffer.byteLength(JSON.stringify(entry));

/** How a new epoch's numbers are made from the source's. */
export interface EpochNumbers {
  readonly msnOffset: number;
  readonly discontinuityOffset: number;
}

function violation(message: string): SluiceError {
  return new SluiceError(message, { code: 'TIMELINE_VIOLATION', retryable: false });
}

/** A log without entries; `firstMsn` is the published number that comes first. */
export function newLog(options: {
  epoch: number;
  targetDurationSeconds: number;
  rungs: readonly string[];
  firstMsn: number;
  discontinuityBase: number;
  numbers: EpochNumbers;
}): TimelineLog {
  if (options.rungs[0] !== 'source') throw violation('The first rung of a timeline must be "source"');
  return {
    epoch: options.epoch,
    targetDurationSeconds: options.targetDurationSeconds,
    discontinuityBase: options.discontinuityBase,
    firstListedMsn: options.firstMsn,
    msnOffset: options.numbers.msnOffset,
    discontinuityOffset: options.numbers.discontinuityOffset,
    rungs: options.rungs,
    entries: [],
  };
}

/** Published number that the next appended entry must have. */
export function nextMsn(log: TimelineLog): number {
  return log.firstListedMsn + log.entries.length;
}

/** Newest entry, or null where nothing is listed. */
export function lastEntry(log: TimelineLog): TimelineEntry | null {
  return log.entries.at(-1) ?? null;
}

/**
 * Whether a segment that needs a map (or none) may follow what is listed: EXT-X-MAP cannot be taken back for MPEG-TS
 * behind it, and players do not change the container within a playlist.
 */
export function fitsContainer(log: TimelineLog, map: string | null): boolean {
  const media = log.entries.findLast((entry) => !entry.gap);
  return media === undefined || (media.map === null) === (map === null);
}

/** How a rung's segment is read; null for a gap, which players skip. */
export function bytesOf(entry: TimelineEntry, rung: string): BesideBytes | null {
  if (entry.gap) return null;
  const own = entry.beside?.[rung];
  return own === undefined ? entry : own;
}

/** Whether all renditions beside the reference have their part of the newest entry. */
export function isComplete(log: TimelineLog): boolean {
  return Object.values(lastEntry(log)?.beside ?? {}).every((bytes) => bytes !== null);
}

/** EXTINF of an entry in all its renditions. */
export function durationsOf({ durationSeconds, beside = {} }: TimelineEntry): readonly number[] {
  return [durationSeconds, ...Object.values(beside).map((bytes) => bytes?.durationSeconds ?? durationSeconds)];
}

/** Initialization sections that an entry names, over all rungs. */
export function mapsOf({ map, beside = {} }: TimelineEntry): readonly string[] {
  const maps = [map, ...Object.values(beside).map((bytes) => bytes?.map ?? null)];
  return [...new Set(maps)].filter((one) => one !== null);
}

/** Every URI that players may ask for because of an entry: segments of all rungs that have one, and initialization sections. */
export function urisOfEntry(entry: TimelineEntry): readonly string[] {
  const segments = Object.entries(entry.names).filter(([rung]) => bytesOf(entry, rung) !== null);
  return [...segments.map(([, name]) => name), ...mapsOf(entry)];
}

/** Seconds of film in the playlist. */
export function listedSeconds(log: TimelineLog): number {
  return log.entries.reduce((sum, entry) => sum + entry.durationSeconds, 0);
}

/** Discontinuity sequence number of the newest entry, or of what comes next where nothing is listed. */
export function lastDiscontinuitySequence(log: TimelineLog): number {
  return log.discontinuityBase + log.entries.filter((entry) => entry.discontinuity).length;
}

/**
 * Appends one entry. Throws TIMELINE_VIOLATION where the result would not be an append: another number than the next,
 * another epoch than the log's, a new epoch without discontinuity, a rung without name, another container than what is
 * listed, or a segment that is longer than the target duration (RFC 8216bis 4.4.3.1).
 */
export function append(log: TimelineLog, entry: TimelineEntry): TimelineLog {
  if (entry.msn !== nextMsn(log)) throw violation(`Segment ${entry.msn} does not follow ${nextMsn(log) - 1}`);
  if (entry.epoch !== log.epoch) throw violation(`Segment ${entry.msn} is of epoch ${entry.epoch}, not ${log.epoch}`);
  if (!durationsOf(entry).every((one) => one > 0 && Math.round(one) <= log.targetDurationSeconds)) {
    throw violation(
      `Segment ${entry.msn} lasts ${entry.durationSeconds} s; target duration is ${log.targetDurationSeconds} s`,
    );
  }
  const previous = lastEntry(log);
  if (previous !== null && previous.epoch !== entry.epoch && !entry.discontinuity) {
    throw violation(`Segment ${entry.msn} opens epoch ${entry.epoch} without a discontinuity`);
  }
  if (!entry.gap && !fitsContainer(log, entry.map)) {
    throw violation(`Segment ${entry.msn} is of another container than what is listed`);
  }
  const named = Object.keys(entry.names);
  if (named.length !== log.rungs.length || log.rungs.some((rung) => !entry.names[rung])) {
    throw violation(`Segment ${entry.msn} must have a name in each of: ${log.rungs.join(', ')}`);
  }
  return { ...reopened(log), entries: [...log.entries, entry] };
}

/** The log of a channel whose source has ended. */
export function ended(log: TimelineLog): TimelineLog {
  return { ...log, ended: true };
}

function reopened(log: TimelineLog): TimelineLog {
  if (log.ended === undefined) return log;
  const { ended: _, ...open } = log;
  return open;
}

/** Removes the first `count` entries; each removed discontinuity raises the base (RFC 8216bis 6.2.2). */
export function trim(log: TimelineLog, count: number): TimelineLog {
  if (!Number.isInteger(count) || count < 0 || count > log.entries.length) {
    throw violation(`Cannot remove ${count} of ${log.entries.length} segments`);
  }
  if (count === 0) return log;
  const removed = log.entries.slice(0, count);
  return {
    ...log,
    entries: log.entries.slice(count),
    firstListedMsn: log.firstListedMsn + count,
    discontinuityBase: log.discontinuityBase + removed.filter((entry) => entry.discontinuity).length,
  };
}

/** Opens the next epoch: numbers go on, the next entry must carry a discontinuity. Listed entries stay. */
export function openEpoch(log: TimelineLog, numbers: EpochNumbers): TimelineLog {
  return { ...log, ...numbers, epoch: log.epoch + 1 };
}

/**
 * Removes everything and moves on to `firstMsn`, for a channel that wakes when its source has gone on: to a client it
 * looks as if it had missed polls. Throws TIMELINE_VIOLATION where a number would fall.
 */
export function skipTo(log: TimelineLog, firstMsn: number, discontinuityBase: number): TimelineLog {
  if (firstMsn < nextMsn(log)) throw violation(`Cannot skip back from ${nextMsn(log)} to ${firstMsn}`);
  if (discontinuityBase < lastDiscontinuitySequence(log)) throw violation('The discontinuity sequence must not fall');
  return { ...reopened(log), entries: [], firstListedMsn: firstMsn, discontinuityBase };
}

/**
 * Forgets what is listed; the numbers go on. For a channel whose playlists nobody reads any more: whoever returns sees
 * what a client sees that has missed polls.
 */
export function emptied(log: TimelineLog): TimelineLog {
  return skipTo(log, nextMsn(log), lastDiscontinuitySequence(log));
}

/** Another ladder; only possible while nothing is listed, because listed playlists never lose or gain a rung. */
export function withRungs(log: TimelineLog, rungs: readonly string[]): TimelineLog {
  if (log.entries.length > 0) throw violation('The ladder of a channel changes only while nothing is listed');
  if (rungs[0] !== 'source') throw violation('The first rung of a timeline must be "source"');
  return { ...log, rungs };
}

/**
 * How many entries may leave the front: those beyond the window of 12, and those up to the last one that `expired`
 * says a viewer can no longer fetch; but never so many that less than three target durations stay (RFC 8216bis 6.2.2),
 * as far as {@link MAX_ENTRIES} and {@link MAX_LOG_BYTES} can last that long.
 */
export function removable(log: TimelineLog, expired: (entry: TimelineEntry) => boolean): number {
  const wanted = Math.max(log.entries.length - WINDOW_SEGMENTS, log.entries.findLastIndex(expired) + 1, 0);
  let count = 0;
  let left = listedSeconds(log);
  let bytes = log.entries.length > WINDOW_SEGMENTS ? listedBytes(log) : 0;
  for (const entry of log.entries.slice(0, wanted)) {
    left -= entry.durationSeconds;
    const isTooLong = log.entries.length - count > MAX_ENTRIES || bytes > MAX_LOG_BYTES;
    if (left < 3 * log.targetDurationSeconds && !isTooLong) break;
    count += 1;
    if (bytes > 0) bytes -= entryBytes(entry);
  }
  return count;
}

/** Bytes of all entries. */
function listedBytes(log: TimelineLog): number {
  return log.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
}
