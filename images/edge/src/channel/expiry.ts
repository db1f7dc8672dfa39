import type { SourcePlaylist } from '../source/parse.ts';
import type { TimelineEntry, TimelineLog } from '../timeline/log.ts';

/**
 * Remembers since when the source no longer lists the segments that Direct entries name. RFC 8216bis 6.2.2 keeps such
 * a segment available for its duration and that of the longest playlist with it; half of that is left to the viewers
 * who load our playlist last.
 */
export class DirectExpiry {
  readonly #goneAt = new Map<number, number>();
  #availableMs = 0;

  /** Takes a look at the source; `newestMsn` offsets follow the log's epoch. */
  looked(log: TimelineLog, playlist: SourcePlaylist, now: number): void {
    this.#availableMs = 1000 * playlist.segments.reduce((sum, segment) => sum + segment.durationSeconds, 0);
    const firstMsn = (playlist.segments[0]?.msn ?? 0) + log.msnOffset;
    for (const entry of log.entries) {
      const gone = entry.epoch !== log.epoch || entry.msn < firstMsn;
      if (gone && !this.#goneAt.has(entry.msn)) this.#goneAt.set(entry.msn, now);
    }
    for (const msn of this.#goneAt.keys()) if (msn < log.firstListedMsn) this.#goneAt.delete(msn);
  }

  /** Whether a viewer who reads this entry now might come too late; only Direct entries can expire. */
  expired(entry: TimelineEntry, now: number): boolean {
    const goneAt = this.#goneAt.get(entry.msn);
    if (goneAt === undefined || entry.names.source?.startsWith('s/') !== false) return false;
    return now - goneAt > (this.#availableMs + entry.durationSeconds * 1000) / 2;
  }
}
