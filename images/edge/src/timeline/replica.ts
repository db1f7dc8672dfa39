import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { durationsOf, nextMsn, type TimelineEntry, type TimelineLog } from './log.ts';

/** Hex digits of SHA-256 that tell the newest entries of two logs apart. */
const DIGEST_DIGITS = 16;

/** A log without its entries. */
export type TimelineHead = Omit<TimelineLog, 'entries'>;

/** How far a copy has come: what its owner needs to go on from there. */
export interface CopyPosition {
  /** Published number that comes next. */
  readonly nextMsn: number;
  /** Of the newest entry; empty where nothing is listed. Two logs with the same one have the same past. */
  readonly digest: string;
}

/** What brings a copy up to date. */
export interface LogUpdate {
  /** Number that the copy it is made for expects next; null: it needs no copy, all listed entries are in it. */
  readonly after: number | null;
  readonly head: TimelineHead;
  readonly entries: readonly TimelineEntry[];
}

/** What an update means for a copy. */
export type Applied =
  | { readonly kind: 'applied'; readonly log: TimelineLog }
  /** It is older than the copy, which has all of it. */
  | { readonly kind: 'stale' }
  /** Something between copy and update is missing: ask again from the copy's position. */
  | { readonly kind: 'behind' }
  /** The result would be no append: the two are of different pasts, or the update is broken. */
  | { readonly kind: 'conflict'; readonly why: string; readonly log: TimelineLog | null };

/** Where a copy stands. */
export function positionOf(log: TimelineLog): CopyPosition {
  return { nextMsn: nextMsn(log), digest: digestOf(log.entries.at(-1)) };
}

/** What a copy at `position` lacks of `log`; everything where it has no part of this past, or none that is still listed. */
export function updateSince(log: TimelineLog, position: CopyPosition | null): LogUpdate {
  const { entries, ...head } = log;
  const known = position === null ? -1 : position.nextMsn - log.firstListedMsn;
  const goesOn = known > 0 && known <= entries.length && digestOf(entries[known - 1]) === position?.digest;
  if (position === null || !goesOn) return { after: null, head, entries };
  return { after: position.nextMsn, head, entries: entries.slice(known) };
}

/**
 * Applies an update under the rules of the log itself: what is listed never changes, numbers go on without a hole and
 * never fall (RFC 8216bis 6.2.1, 6.2.2).
 */
export function applyUpdate(copy: TimelineLog | null, update: LogUpdate): Applied {
  const { after, head, entries } = update;
  if (after !== null && (copy === null || nextMsn(copy) < after)) return { kind: 'behind' };
  // What such an update goes on from the copy has had and dropped since: a window never goes back.
  if (after !== null && copy !== null && head.firstListedMsn < copy.firstListedMsn) return { kind: 'stale' };
  const kept =
    after === null ? [] : (copy?.entries ?? []).filter(({ msn }) => msn >= head.firstListedMsn && msn < after);
  const log: TimelineLog = { ...head, entries: [...kept, ...entries] };
  const broken = brokenRule(log);
  if (broken !== null) return { kind: 'conflict', why: broken, log: null };
  if (copy === null) return { kind: 'applied', log };
  const changed = changedEntry(copy, log);
  if (changed !== null) return { kind: 'conflict', why: `segment ${changed} is another one`, log };
  if (log.targetDurationSeconds !== copy.targetDurationSeconds) {
    return { kind: 'conflict', why: 'the target duration has changed', log };
  }
  if (isOlder(log, copy)) return { kind: 'stale' };
  if (log.discontinuityBase < copy.discontinuityBase || log.epoch < copy.epoch) {
    return { kind: 'conflict', why: 'discontinuities have got fewer', log };
  }
  return { kind: 'applied', log };
}

/** Epochs open and discontinuities are forgotten between two segments, too: then the numbers alone do not tell. */
function isOlder(log: TimelineLog, copy: TimelineLog): boolean {
  if (nextMsn(log) < nextMsn(copy) || log.firstListedMsn < copy.firstListedMsn) return true;
  const lower = log.epoch < copy.epoch || log.discontinuityBase < copy.discontinuityBase;
  return lower && nextMsn(log) === nextMsn(copy) && log.firstListedMsn === copy.firstListedMsn;
}

/** Number of the first segment that both list but not in the same way; null if there is none. */
function changedEntry(copy: TimelineLog, log: TimelineLog): number | null {
  const listed = new Map(copy.entries.map((entry) => [entry.msn, entry]));
  const changed = log.entries.find((entry) => {
    const known = listed.get(entry.msn);
    return known !== undefined && known !== entry && !isDeepStrictEqual(known, entry);
  });
  return changed?.msn ?? null;
}

/** The rule of a log by itself that this one breaks, in words; null if none. */
function brokenRule(log: TimelineLog): string | null {
  if (log.rungs[0] !== 'source') return 'the first rung is not "source"';
  for (const [index, entry] of log.entries.entries()) {
    const before = log.entries[index - 1];
    if (entry.msn !== log.firstListedMsn + index) return `segment ${entry.msn} does not follow the one before`;
    if (entry.epoch > log.epoch) return `segment ${entry.msn} is of an epoch to come`;
    if (before !== undefined && entry.epoch < before.epoch) return `segment ${entry.msn} is of an epoch before`;
    if (before !== undefined && entry.epoch > before.epoch && !entry.discontinuity) {
      return `segment ${entry.msn} opens an epoch without a discontinuity`;
    }
    if (durationsOf(entry).some((one) => Math.round(one) > log.targetDurationSeconds))
      return `segment ${entry.msn} is too long`;
    if (log.rungs.some((rung) => !entry.names[rung])) return `segment ${entry.msn} is not named in every rung`;
  }
  return null;
}

function digestOf(entry: TimelineEntry | undefined): string {
  if (entry === undefined) return '';
  const { msn, epoch, durationSeconds, dateTime, discontinuity, gap, map } = entry;
  const { range, mapRange, keys, mapKeys, markers, beside } = entry;
  const names = sorted(entry.names);
  const rest = { range, mapRange, keys, mapKeys, markers, beside: beside === undefined ? undefined : sorted(beside) };
  // Left out where there is none of it: edges of older versions do not know it.
  const added = Object.values(rest).every((value) => value === undefined) ? [] : [rest];
  const text = JSON.stringify([msn, epoch, durationSeconds, dateTime, discontinuity, gap, map, names, ...added]);
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS);
}

function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
}
