import { bytesOf, type TimelineLog } from '../timeline/log.ts';
import { isStoredName } from '../timeline/names.ts';
import { requestLeaseMs } from './lease.ts';

/**
 * Newest segments that players ask for next: they stay three target durations behind the end of the playlist
 * (RFC 8216bis 4.4.3.8), and the end moves on while they load.
 */
const FRESH_SEGMENTS = 4;

/** Which rungs of a channel somebody watches on this edge. */
export class WatchedRungs {
  readonly #now: () => number;
  /** When the media playlist of each rung was asked for last, in ms. */
  readonly #askedAt = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The media playlist of a rung is asked for: it is watched for as long as {@link requestLeaseMs} says. */
  asked(rung: string): void {
    this.#askedAt.set(rung, this.#now());
  }

  /** Rungs that are watched now. */
  names(targetDurationSeconds: number): readonly string[] {
    const since = this.#now() - requestLeaseMs(targetDurationSeconds);
    for (const [rung, at] of this.#askedAt) if (at < since) this.#askedAt.delete(rung);
    return [...this.#askedAt.keys()];
  }

  /** Nobody watches any rung. */
  clear(): void {
    this.#askedAt.clear();
  }
}

/**
 * Stored files (`s/...`) that some rungs need of the entries from the number `firstMsn` on, initialization sections
 * included; without a number of the newest entry alone. Nothing of a gap, which has no bytes.
 */
export function filesOf(log: TimelineLog, rungs: readonly string[], firstMsn: number | null): ReadonlySet<string> {
  const first = firstMsn ?? log.firstListedMsn + log.entries.length - 1;
  const entries = rungs.length === 0 ? [] : log.entries.filter(({ msn, gap }) => !gap && msn >= first);
  const names = entries.flatMap((entry) =>
    rungs
      .map((rung) => [bytesOf(entry, rung), entry.names[rung] ?? ''] as const)
      .flatMap(([bytes, name]) => (bytes === null ? [] : [bytes.map ?? '', name])),
  );
  return new Set(names.filter(isStoredName));
}

/** Number from which on segments are {@link FRESH_SEGMENTS}. */
export function firstFreshMsn(log: TimelineLog): number {
  return log.firstListedMsn + Math.max(0, log.entries.length - FRESH_SEGMENTS);
}
