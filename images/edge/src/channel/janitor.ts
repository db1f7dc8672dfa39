import type { ChannelFiles } from '../storage/files.ts';
import { parseSegmentName } from '../timeline/names.ts';

/** Removes a channel's files one window after they have left the playlist (RFC 8216bis 6.2.2). */
export class Janitor {
  readonly #files: ChannelFiles;
  readonly #dueAt = new Map<string, number>();

  constructor(files: ChannelFiles) {
    this.#files = files;
  }

  /**
   * Everything below `firstMsn` is no longer listed: it goes at `dueAt`, in ms of the channel's clock. So do the
   * initialization sections that are not among `maps`, those that listed or coming segments need.
   */
  retire(firstMsn: number, maps: ReadonlySet<string>, dueAt: number): void {
    for (const name of this.#files.names()) {
      const msn = parseSegmentName(name)?.msn;
      if (msn === undefined && maps.has(name)) this.#dueAt.delete(name);
      else if ((msn ?? -1) < firstMsn && !this.#dueAt.has(name)) this.#dueAt.set(name, dueAt);
    }
  }

  /** Forgets what is to go: all of it is gone already, and a section may come back under its old name. */
  clear(): void {
    this.#dueAt.clear();
  }

  /** Removes everything that is to go at some time: the volume is full. */
  sweepAll(): Promise<void> {
    return this.sweep(Number.POSITIVE_INFINITY);
  }

  /** Removes what is due; resolves when it is gone. */
  async sweep(now: number): Promise<void> {
    const due = [...this.#dueAt].filter(([, at]) => at <= now).map(([name]) => name);
    for (const name of due) this.#dueAt.delete(name);
    await Promise.all(due.map((name) => this.#files.remove(name)));
  }
}
