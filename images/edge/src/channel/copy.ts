import { MAX_KNOWN_SEGMENTS } from '../replication/messages.ts';
import type { KnownSegment } from '../source/intake.ts';
import { listedSeconds, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { applyUpdate, type CopyPosition, type LogUpdate, positionOf } from '../timeline/replica.ts';
import type { UnderWay } from './under-way.ts';

/** A timeline with what its next owner needs to go on behind it. */
export interface TimelineCopy {
  readonly log: TimelineLog;
  /** The newest published segments as the source names them. */
  readonly known: readonly KnownSegment[];
  /** Only in a copy that is the owner's own. */
  readonly underWay?: UnderWay;
  /** In another one: when its newest entry was heard of, as it was listed; ms of the clock. */
  readonly newestAt?: number;
}

/** What other edges copy of a timeline: with it the newest published ones of the segments that the source has named. */
export function publishedCopy<Log extends TimelineLog | null>(
  log: Log,
  taken: readonly KnownSegment[],
): { readonly log: Log; readonly known: readonly KnownSegment[] } {
  const next = log === null ? 0 : nextMsn(log) - log.msnOffset;
  return { log, known: taken.filter(({ msn }) => msn < next).slice(-MAX_KNOWN_SEGMENTS) };
}

/** What came of an update: `again` asks for another one, from the copy's position or, where that is null, for everything. */
export type CopyNews =
  | { readonly kind: 'taken' | 'old' }
  | { readonly kind: 'again' }
  /** The owner has lost its past: its log has taken the place of the copy. */
  | { readonly kind: 'replaced'; readonly why: string };

/** One channel's timeline as another edge writes it. */
export class LogCopy {
  #copy: TimelineCopy | null;
  #term: number;
  /** The first update of a subscription is the owner's whole word, also where it contradicts what was there before. */
  #isFirst = true;
  #dropPosition = false;

  constructor(copy: TimelineCopy | null, term: number) {
    this.#copy = copy;
    this.#term = term;
  }

  get log(): TimelineLog | null {
    return this.#copy?.log ?? null;
  }

  get copy(): TimelineCopy | null {
    return this.#copy;
  }

  /** Highest term that was seen. */
  get term(): number {
    return this.#term;
  }

  /** Where the next update has to go on; null for everything. */
  get position(): CopyPosition | null {
    return this.#copy === null || this.#dropPosition ? null : positionOf(this.#copy.log);
  }

  /** Seconds for which viewers have something to play without any news. */
  get seconds(): number {
    return this.#copy === null ? 0 : listedSeconds(this.#copy.log);
  }

  /** A term was heard of; false where it is lower than one before: whoever named it owns the channel no more. */
  raise(term: number): boolean {
    if (term < this.#term) return false;
    this.#term = term;
    return true;
  }

  /** A subscription begins. */
  begin(): void {
    this.#isFirst = true;
  }

  /** Forgets the copy. */
  clear(): void {
    this.#copy = null;
  }

  /** Takes what another copy of the same timeline has more. @returns whether it is one, and not behind this one */
  takeMore({ log, known }: TimelineCopy): boolean {
    const { entries, ...head } = log;
    const applied = applyUpdate(this.log, { after: null, head, entries });
    if (applied.kind !== 'applied') return false;
    this.#copy = { log: applied.log, known };
    return true;
  }

  take(update: LogUpdate, known: readonly KnownSegment[]): CopyNews {
    const isFirst = this.#isFirst;
    const applied = applyUpdate(this.log, update);
    if (applied.kind === 'behind') return { kind: 'again' };
    if (applied.kind === 'applied') {
      this.#accept(applied.log, known);
      return { kind: 'taken' };
    }
    if (applied.kind === 'stale' && !isFirst) return { kind: 'old' };
    const whole = update.after !== null ? null : applied.kind === 'stale' ? wholeLog(update) : applied.log;
    if (whole === null || !isFirst) {
      this.#dropPosition = true;
      return { kind: 'again' };
    }
    this.#accept(whole, known);
    return { kind: 'replaced', why: applied.kind === 'stale' ? 'its numbers have fallen' : applied.why };
  }

  #accept(log: TimelineLog, known: readonly KnownSegment[]): void {
    this.#copy = { log, known };
    this.#isFirst = false;
    this.#dropPosition = false;
  }
}

function wholeLog({ head, entries }: LogUpdate): TimelineLog {
  return { ...head, entries };
}
