import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { isVolumeFull, storageError } from './errors.ts';
import { type FoundFile, scanFolder } from './folder.ts';
import type { Holder, RankedFile, Standing } from './room.ts';

/** Stored segments of one channel, below its folder; names are `s/...` as playlists have them. */
export interface ChannelFiles {
  /**
   * Stores bytes under a name, whole or not at all. Throws STORAGE_FULL where there is no room for it, STORAGE_FAILED
   * for other errors of the file system; both are retryable and leave no half file.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Throws SEGMENT_UNKNOWN (404) where there is no such file. */
  read(name: string): Promise<Uint8Array>;
  has(name: string): boolean;
  /** Path and size of a stored file; null where there is none. */
  find(name: string): { readonly path: string; readonly bytes: number } | null;
  /** Names of all stored files. */
  names(): readonly string[];
  /** Says how dear each file is, asked when room is needed; until it is said all files are `kept`. */
  rank(standingOf: (name: string) => Standing): void;
  /** Removes a file whose time is over. */
  remove(name: string): Promise<void>;
  /** Removes everything, folders included: nobody watches the channel any more. */
  clear(): Promise<void>;
  /** Stored bytes. */
  bytes(): number;
}

/** Who gives the files of all channels their room. */
export interface RoomKeeper {
  /**
   * Resolves when there is room for so many bytes of a channel, to the function that says they are written, or will not be.
   * Throws STORAGE_FULL.
   */
  reserve(folder: ChannelFolder, bytes: number): Promise<() => void>;
  /** The file system has refused so many bytes. Whether files went for it, so that it can be tried again. */
  refused(folder: ChannelFolder, bytes: number): Promise<boolean>;
  /** So many files went by their channel's own will. */
  removed(why: 'expired' | 'forgotten', files: number): void;
  /** Writes a file whole or not at all. Throws the file system's errors. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** ms since the epoch. */
  now(): number;
}

/** Space on a file system is given out in blocks of so many bytes, on nearly all of them. */
const BLOCK_BYTES = 4096;

/** Bytes that a file of this size takes from the volume. */
export function blockBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** On a full volume each file that is written asks for the ranks of all others: they are made anew so often at most, in ms. */
const RANKS_HOLD_MS = 250;

type Stored = Omit<FoundFile, 'name'>;

/** The files of one channel, known by name and size without asking the file system. */
export class ChannelFolder implements ChannelFiles {
  readonly key: string;
  readonly #folder: string;
  readonly #room: RoomKeeper;
  readonly #stored = new Map<string, Stored>();
  #bytes = 0;
  #blockBytes = 0;
  #heldBytes = 0;
  #standingOf: (name: string) => Standing = () => 'kept';
  /** What may go, as it was asked for last. */
  #going: { readonly at: number; readonly files: readonly RankedFile[] } | null = null;
  /** Deletions that are under way, by name: a file of that name is written after it, or it would go as well. */
  readonly #deleting = new Map<string, Promise<void>>();
  readonly #writing = new Set<Promise<void>>();
  /** All files are being removed: what is written meanwhile would go as well. */
  #clearing: Promise<void> | null = null;

  /** Opens a channel's folder and learns what an earlier run left in it. Throws the file system's errors. */
  static async open(key: string, folder: string, room: RoomKeeper): Promise<ChannelFolder> {
    return new ChannelFolder(key, folder, room, await scanFolder(folder));
  }

  private constructor(key: string, folder: string, room: RoomKeeper, found: readonly FoundFile[]) {
    this.key = key;
    this.#folder = folder;
    this.#room = room;
    for (const { name, ...stored } of found) this.#remember(name, stored);
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const release = await this.#room.reserve(this, blockBytes(bytes.length));
    try {
      await Promise.allSettled([this.#clearing, this.#deleting.get(name)]);
      const writing = this.#write(name, bytes);
      this.#writing.add(writing);
      await writing.finally(() => this.#writing.delete(writing));
    } catch (error) {
      throw storageError(error);
    } finally {
      release();
    }
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#folder, name);
    await this.#room.writeFile(path, bytes).catch(async (error: unknown) => {
      if (!isVolumeFull(error) || !(await this.#room.refused(this, blockBytes(bytes.length)))) throw error;
      await this.#room.writeFile(path, bytes);
    });
    this.#remember(name, { bytes: bytes.length, storedAt: this.#room.now() });
  }

  async read(name: string): Promise<Uint8Array> {
    try {
      return await readFile(join(this.#folder, name));
    } catch (error) {
      throw new SluiceError(`There is no segment ${name}`, {
        code: 'SEGMENT_UNKNOWN',
        retryable: false,
        status: 404,
        cause: error,
      });
    }
  }

  has(name: string): boolean {
    return this.#stored.has(name);
  }

  find(name: string): { readonly path: string; readonly bytes: number } | null {
    const stored = this.#stored.get(name);
    return stored === undefined ? null : { path: join(this.#folder, name), bytes: stored.bytes };
  }

  names(): readonly string[] {
    return [...this.#stored.keys()];
  }

  rank(standingOf: (name: string) => Standing): void {
    this.#standingOf = standingOf;
    this.#going = null;
  }

  async remove(name: string): Promise<void> {
    if (!this.#stored.has(name)) return;
    await this.#delete(name);
    this.#room.removed('expired', 1);
  }

  /**
   * Removes a file for its room, unless it has become dearer since it was asked for. It counts as gone at once, and as
   * stored again where it cannot be removed. Whether it went.
   */
  async deleteFor(name: string): Promise<boolean> {
    if (!this.#stored.has(name) || this.#standingOf(name) === 'kept') return false;
    await this.#delete(name);
    return true;
  }

  #delete(name: string): Promise<void> {
    const deleting = this.#removeFile(name, this.#forget(name)).finally(() => this.#deleting.delete(name));
    this.#deleting.set(name, deleting);
    return deleting;
  }

  async #removeFile(name: string, stored: Stored | undefined): Promise<void> {
    try {
      await rm(join(this.#folder, name), { force: true });
    } catch (error) {
      if (stored !== undefined) this.#remember(name, stored);
      throw error;
    }
  }

  clear(): Promise<void> {
    const clearing = this.#clear().finally(() => {
      if (this.#clearing === clearing) this.#clearing = null;
    });
    this.#clearing = clearing;
    return clearing;
  }

  async #clear(): Promise<void> {
    this.#forgetAll();
    await Promise.allSettled(this.#writing);
    this.#forgetAll();
    await rm(join(this.#folder, 's'), { recursive: true, force: true });
  }

  #forgetAll(): void {
    this.#room.removed('forgotten', this.#stored.size);
    for (const name of this.names()) this.#forget(name);
  }

  /**
   * The folder is about to be read anew: nothing goes for its room any more. Resolves when nothing is under way, so that
   * what is found stays.
   */
  async end(): Promise<void> {
    this.rank(() => 'kept');
    await Promise.allSettled([this.#clearing, ...this.#deleting.values(), ...this.#writing]);
  }

  bytes(): number {
    return this.#bytes;
  }

  /** Counts bytes that are about to be written, or no longer are. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** What the decision about room knows of this channel. */
  holder(): Holder {
    return { key: this.key, bytes: this.#blockBytes + this.#heldBytes, files: () => this.#mayGo() };
  }

  #mayGo(): readonly RankedFile[] {
    const at = this.#room.now();
    if (this.#going !== null && at - this.#going.at < RANKS_HOLD_MS) return this.#going.files;
    const files: RankedFile[] = [];
    for (const [name, { bytes, storedAt }] of this.#stored) {
      const standing = this.#standingOf(name);
      if (standing !== 'kept') files.push({ name, bytes: blockBytes(bytes), storedAt, standing });
    }
    this.#going = { at, files };
    return files;
  }

  #remember(name: string, stored: Stored): void {
    this.#forget(name);
    this.#stored.set(name, stored);
    this.#bytes += stored.bytes;
    this.#blockBytes += blockBytes(stored.bytes);
  }

  #forget(name: string): Stored | undefined {
    const stored = this.#stored.get(name);
    if (stored === undefined) return undefined;
    this.#stored.delete(name);
    this.#going = null;
    this.#bytes -= stored.bytes;
    this.#blockBytes -= blockBytes(stored.bytes);
    return stored;
  }
}
