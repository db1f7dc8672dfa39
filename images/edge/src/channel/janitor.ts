import type { ChannelFiles } from '../storage/files.ts';
import type { Standing } from '../storage/room.ts';
import { parseSegmentName } from '../timeline/names.ts';

/** Times in ms of the channel's clock. */
interface Retired {
  readonly at: number;
  readonly dueAt: number;
}

/** Removes a channel's files one window after they have left the playlist (RFC 8216bis 6.2.2). */
export class Janitor {
  readonly #files: ChannelFiles;
  readonly #retired = new Map<string, Retired>();

  constructor(files: ChannelFiles) {
    this.#files = files;
  }

  /**
   * Everything below `firstMsn` is no longer listed since `at`: it goes at `dueAt`, in ms of the channel's clock. So do
   * the initialization sections that are not among `maps`, those that listed or coming segments need.
   */
  retire(firstMsn: number, maps: ReadonlySet<string>, at: number, dueAt: number): void {
    for (const name of this.#files.names()) {
      const msn = parseSegmentName(name)?.msn;
      if (msn === undefined && maps.has(name)) this.#retired.delete(name);
      else if ((msn ?? -1) < firstMsn && !this.#retired.has(name)) this.#retired.set(name, { at, dueAt });
    }
  }

  /**
   * How dear a segment is that has left the playlist; null for every other file. An initialization section takes next to no
   * room, and the next segment may need it again.
   */
  standingOf(name: string, now: number): Standing | null {
    const retired = this.#retired.get(name);
    if (retired === undefined || parseSegmentName(name) === null) return null;
    if (now >= retired.dueAt) return 'expired';
    return now >= (retired.at + retired.dueAt) / 2 ? 'retired' : 'leaving';
  }

  /** Forgets what is to go: all of it is gone already, and a section may come back under its old name. */
  clear(): void {
    this.#retired.clear();
  }

  /** Removes what is due; resolves when it is gone. */
  async sweep(now: number): Promise<void> {
    const due = [...this.#retired].filter(([, { dueAt }]) => dueAt <= now).map(([name]) => name);
    for (const name of due) this.#retired.delete(name);
    await Promise.all(due.map((name) => this.#files.remove(name)));
  }
}
