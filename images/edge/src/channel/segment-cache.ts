import type { OwnerAddress } from '../replication/owner-link.ts';
import { type SegmentClient, type StoredFile, segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Standing } from '../storage/room.ts';
import { listedSeconds, mapsOf, type TimelineLog } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import { Fetches, type FetchTurns } from './fetches.ts';
import { Janitor } from './janitor.ts';
import { filesOf, firstFreshMsn } from './watched-rungs.ts';

/** What the files of a followed channel need of its edge. */
export interface SegmentCacheContext {
  readonly clock: Clock;
  readonly uid: string;
  /** Opens the channel's files. Throws the file system's errors. */
  readonly openFiles: () => Promise<ChannelFiles>;
  readonly client: SegmentClient;
  readonly turns: FetchTurns;
  readonly onFetched: (bytes: number) => void;
}

interface Opened {
  readonly files: ChannelFiles;
  readonly fetches: Fetches;
  readonly janitor: Janitor;
}

/** How long in ms nothing is fetched ahead of its viewers where there was no room for it: it would be fetched twice. */
const NO_ROOM_PAUSE_MS = 10_000;

/** Nobody watches anything. */
const NOTHING = { listed: new Set<string>(), fresh: new Set<string>() } as const;

/**
 * The files of a channel that another edge owns, under the owner's names: fetched once, and deleted one window after
 * they have left the playlist, the same as there, or earlier for want of room. The folder is read when the first file is
 * needed.
 */
export class SegmentCache {
  readonly #context: SegmentCacheContext;
  #opening: Promise<Opened> | null = null;
  #opened: Opened | null = null;
  /** When a file found no room last, in ms. */
  #noRoomAt = Number.NEGATIVE_INFINITY;
  /** Files of the rungs that somebody watches here: all that are listed, and the newest of them. */
  #watched: { readonly listed: ReadonlySet<string>; readonly fresh: ReadonlySet<string> } = NOTHING;

  constructor(context: SegmentCacheContext) {
    this.#context = context;
  }

  /** A stored file; null where it is not here. */
  find(name: string): StoredFile | null {
    return this.#opened?.files.find(name) ?? null;
  }

  /**
   * Resolves when the file is here, from the first of these edges that has it, as {@link Fetches.get}; none: nobody can
   * be asked at this moment.
   */
  async get(name: string, from: readonly OwnerAddress[]): Promise<Uint8Array | null> {
    // The name says of which Channel it is: no other edge has to be asked for what cannot be.
    if (!name.startsWith(`s/${this.#context.uid.slice(0, 8)}.`)) throw segmentUnknown(name);
    const { files, fetches } = await this.open();
    if (from.length === 0 && !files.has(name)) throw segmentUnreachable();
    const bytes = await fetches.get(name, from);
    if (bytes !== null) this.#noRoomAt = this.#context.clock.now();
    return bytes;
  }

  /** Fetches what is about to be asked for; whoever asks meanwhile waits for the same fetch, and hears of its failure. */
  prefetch(names: Iterable<string>, from: readonly OwnerAddress[]): void {
    if (this.#context.clock.now() - this.#noRoomAt < NO_ROOM_PAUSE_MS) return;
    for (const name of names) this.get(name, from).catch(() => undefined);
  }

  /**
   * A log is shown now, and these of its rungs are watched: what has left it goes one window later, what is due goes at
   * once.
   */
  listed(log: TimelineLog, rungs: readonly string[]): void {
    this.#watched = {
      listed: filesOf(log, rungs, log.firstListedMsn),
      fresh: filesOf(log, rungs, firstFreshMsn(log)),
    };
    const opened = this.#opened;
    if (opened === null) return;
    const now = this.#context.clock.now();
    const maps = new Set(log.entries.flatMap(mapsOf));
    opened.janitor.retire(log.firstListedMsn, maps, now, now + (listedSeconds(log) + log.targetDurationSeconds) * 1000);
    // What cannot be removed goes with the channel's folder.
    opened.janitor.sweep(now).catch(() => undefined);
  }

  /** Nobody watches the channel here: its files go before those of others where room is needed. */
  unwatched(): void {
    this.#watched = NOTHING;
  }

  /** Removes all files, those of an earlier time of this edge as well. */
  async clear(): Promise<void> {
    const { janitor, files } = await this.open();
    janitor.clear();
    await files.clear();
  }

  /** Resolves when nothing is being written any more. */
  async close(dropFiles: boolean): Promise<void> {
    const opened = await this.#opening?.catch(() => null);
    await opened?.fetches.close();
    if (dropFiles) await opened?.files.clear();
  }

  /** Reads the folder, where that is not done yet. Throws the file system's errors; the next call reads it again. */
  open(): Promise<Opened> {
    this.#opening ??= this.#read().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #read(): Promise<Opened> {
    const { uid, openFiles, client, turns, onFetched } = this.#context;
    const files = await openFiles();
    const janitor = new Janitor(files);
    files.rank((name) => this.#standingOf(name, janitor));
    const fetches = new Fetches({ uid, client, turns, files, onFetched });
    this.#opened = { files, janitor, fetches };
    return this.#opened;
  }

  #standingOf(name: string, janitor: Janitor): Standing {
    const retired = janitor.standingOf(name, this.#context.clock.now());
    if (retired !== null) return retired;
    if (this.#watched.fresh.has(name)) return 'kept';
    return this.#watched.listed.has(name) ? 'copy' : 'unwatched';
  }
}
