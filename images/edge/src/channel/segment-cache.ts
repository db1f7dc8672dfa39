import type { OwnerAddress } from '../replication/owner-link.ts';
import { type SegmentClient, type StoredFile, segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import { type ChannelFiles, openChannelFiles } from '../storage/files.ts';
import { listedSeconds, type TimelineLog } from '../timeline/log.ts';
import { isStoredName } from '../timeline/names.ts';
import type { Clock } from './clock.ts';
import { Fetches, type FetchTurns } from './fetches.ts';
import { Janitor } from './janitor.ts';

/** What the files of a followed channel need of its edge. */
export interface SegmentCacheContext {
  readonly clock: Clock;
  readonly uid: string;
  readonly folder: string;
  readonly client: SegmentClient;
  readonly turns: FetchTurns;
  readonly onFetched: () => void;
}

interface Opened {
  readonly files: ChannelFiles;
  readonly fetches: Fetches;
  readonly janitor: Janitor;
}

/**
 * The files of a channel that another edge owns, under the owner's names: fetched once, and deleted one window after
 * they have left the playlist, the same as there. The folder is read when the first file is needed.
 */
export class SegmentCache {
  readonly #context: SegmentCacheContext;
  #opening: Promise<Opened> | null = null;
  #opened: Opened | null = null;

  constructor(context: SegmentCacheContext) {
    this.#context = context;
  }

  /** A stored file; null where it is not here. */
  find(name: string): StoredFile | null {
    return this.#opened?.files.find(name) ?? null;
  }

  /**
   * Resolves when the file is here, from the first of these edges that has it; none: nobody can be asked at this moment.
   * Throws as {@link Fetches.get}.
   */
  async get(name: string, from: readonly OwnerAddress[]): Promise<void> {
    // The name says of which Channel it is: no other edge has to be asked for what cannot be.
    if (!name.startsWith(`s/${this.#context.uid.slice(0, 8)}.`)) throw segmentUnknown(name);
    const { files, fetches } = await this.#open();
    if (from.length === 0 && !files.has(name)) throw segmentUnreachable();
    await fetches.get(name, from);
  }

  /** Fetches what is about to be asked for; whoever asks meanwhile waits for the same fetch, and hears of its failure. */
  prefetch(names: readonly string[], from: readonly OwnerAddress[]): void {
    for (const name of new Set(names.filter(isStoredName))) this.get(name, from).catch(() => undefined);
  }

  /** A log is shown now: what has left it goes one window later, what is due goes at once. */
  listed(log: TimelineLog): void {
    const opened = this.#opened;
    if (opened === null) return;
    const now = this.#context.clock.now();
    const maps = new Set(log.entries.flatMap(({ map }) => (map === null ? [] : [map])));
    opened.janitor.retire(log.firstListedMsn, maps, now + (listedSeconds(log) + log.targetDurationSeconds) * 1000);
    // What cannot be removed goes with the channel's folder.
    opened.janitor.sweep(now).catch(() => undefined);
  }

  /** Removes all files. */
  async clear(): Promise<void> {
    this.#opened?.janitor.clear();
    await this.#opened?.files.clear();
  }

  /** Resolves when nothing is being written any more. */
  async close(dropFiles: boolean): Promise<void> {
    const opened = await this.#opening?.catch(() => null);
    await opened?.fetches.close();
    if (dropFiles) await opened?.files.clear();
  }

  #open(): Promise<Opened> {
    // A folder that could not be read is read again for the next file.
    this.#opening ??= this.#read().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #read(): Promise<Opened> {
    const { uid, folder, client, turns, onFetched } = this.#context;
    const files = await openChannelFiles(folder);
    const janitor = new Janitor(files);
    const makeRoom = (): Promise<void> => janitor.sweepAll();
    const fetches = new Fetches({ uid, client, turns, files, makeRoom, onFetched });
    this.#opened = { files, janitor, fetches };
    return this.#opened;
  }
}
