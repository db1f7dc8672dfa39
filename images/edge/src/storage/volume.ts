import type { Logger } from '@sluice/common/log/log.ts';
import { storageFull } from './errors.ts';
import { type ChannelFiles, ChannelFolder, type RoomKeeper } from './files.ts';
import { writeWhole } from './folder.ts';
import { type Deletion, decideRoom, type Standing } from './room.ts';

/**
 * How long in ms the volume counts as no bigger than it was when the file system refused a file: whoever else fills it may
 * be done by then, and what was deleted is no longer held open by nginx.
 */
const REFUSAL_HOLDS_MS = 30_000;

/** A full volume is told of so often at most, in ms. */
const WARNING_PAUSE_MS = 60_000;

/** Why a file found no room: the decision's reasons, and `volume` where the file system has refused it. */
export type Refusal = 'share' | 'limit' | 'volume';

/**
 * Why files were deleted: for want of room, with the standing that they had; `expired` also where their time was over;
 * `forgotten` where nobody watches the channel here any more, or it is gone.
 */
export type DeletionReason = Exclude<Standing, 'kept'> | 'forgotten';

/** What the metrics of a volume are made of. */
export interface VolumeEvents {
  /** So many files were deleted. */
  readonly deleted: (why: DeletionReason, files: number) => void;
  /** A file found no room. */
  readonly refused: (why: Refusal) => void;
}

/** What a volume needs of its edge. */
export interface VolumeOptions {
  /** Bytes that files of all channels may take together. */
  readonly limitBytes: number;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly logger: Logger;
  /** {@link writeWhole} if left out. */
  readonly writeFile?: (path: string, bytes: Uint8Array) => Promise<void>;
}

/** The media volume of an edge: gives the files of all channels their room, within the limit. */
export class MediaVolume implements RoomKeeper {
  readonly #options: VolumeOptions;
  readonly #folders = new Map<string, ChannelFolder>();
  #events: VolumeEvents = { deleted: () => {}, refused: () => {} };
  #refusal: { readonly bytes: number; readonly until: number } | null = null;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: VolumeOptions) {
    this.#options = options;
  }

  get limitBytes(): number {
    return this.#options.limitBytes;
  }

  /** Bytes that files of all channels take, those that are being written included. */
  get bytes(): number {
    return [...this.#folders.values()].reduce((sum, folder) => sum + folder.holder().bytes, 0);
  }

  /** Channels that have something here, with their bytes. */
  *channels(): Iterable<readonly [key: string, bytes: number]> {
    for (const [key, folder] of this.#folders) {
      const { bytes } = folder.holder();
      if (bytes > 0) yield [key, bytes];
    }
  }

  /** Tells of deletions and refusals from now on. */
  observe(events: VolumeEvents): void {
    this.#events = events;
  }

  /**
   * Opens the files of a channel, in place of those that were opened under its key before. Throws the file system's errors.
   * @param key `<namespace>/<name>`
   */
  async open(key: string, folder: string): Promise<ChannelFiles> {
    await this.#folders.get(key)?.end();
    const opened = await ChannelFolder.open(key, folder, this);
    this.#folders.set(key, opened);
    return opened;
  }

  /** The files of a channel are gone with their folder. */
  forget(key: string): void {
    this.#folders.delete(key);
  }

  now(): number {
    return this.#options.now();
  }

  writeFile(path: string, bytes: Uint8Array): Promise<void> {
    return (this.#options.writeFile ?? writeWhole)(path, bytes);
  }

  removed(why: 'expired' | 'forgotten', files: number): void {
    if (files > 0) this.#events.deleted(why, files);
  }

  async reserve(folder: ChannelFolder, bytes: number): Promise<() => void> {
    const room = this.#decide(folder.key, bytes, this.#usableBytes());
    if (room.kind === 'full') throw this.#full(folder.key, this.#refusal === null ? room.why : 'volume');
    folder.hold(bytes);
    await this.#delete(room.remove);
    return () => folder.hold(-bytes);
  }

  async refused(folder: ChannelFolder, bytes: number): Promise<boolean> {
    // What is being written counts already, and is what does not fit.
    const usable = Math.max(0, this.bytes - bytes);
    this.#refusal = { bytes: usable, until: this.now() + REFUSAL_HOLDS_MS };
    const room = this.#decide(folder.key, 0, usable);
    if (room.kind === 'full' || room.remove.length === 0) {
      this.#full(folder.key, 'volume');
      return false;
    }
    await this.#delete(room.remove);
    return true;
  }

  #decide(key: string, bytes: number, limitBytes: number): ReturnType<typeof decideRoom> {
    const holders = [...this.#folders.values()].map((folder) => folder.holder());
    return decideRoom({ limitBytes, holders, key, bytes });
  }

  #usableBytes(): number {
    if (this.#refusal !== null && this.now() >= this.#refusal.until) this.#refusal = null;
    return Math.min(this.limitBytes, this.#refusal?.bytes ?? Number.POSITIVE_INFINITY);
  }

  /** What cannot be removed stays counted: the next decision finds it again. */
  async #delete(files: readonly Deletion[]): Promise<void> {
    await Promise.all(
      files.map(async ({ key, name, standing }) => {
        try {
          const gone = await this.#folders.get(key)?.deleteFor(name);
          if (gone === true && standing !== 'kept') this.#events.deleted(standing, 1);
        } catch (error) {
          this.#options.logger.warn({ err: error, channel: key }, 'a file cannot be removed');
        }
      }),
    );
  }

  #full(key: string, why: Refusal): Error {
    this.#events.refused(why);
    if (this.now() - this.#warnedAt >= WARNING_PAUSE_MS) {
      this.#warnedAt = this.now();
      const { bytes, limitBytes } = this;
      this.#options.logger.warn({ channel: key, why, bytes, limitBytes }, 'the media volume is full');
    }
    return storageFull();
  }
}
