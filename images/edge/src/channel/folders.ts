import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@sluice/common/log/log.ts';
import { type KeptChannels, LIVE_FOLDER, removeStrayTimelines, strayFolders, TIMELINES_FOLDER } from './sweep.ts';

/** Where channels lie on the media volume, and what is being removed of it. Keys are `<namespace>/<name>`. */
export class ChannelFolders {
  readonly #mediaDirectory: string;
  readonly #logger: Logger;
  /** What a recreated Channel of the same name has to wait for. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(mediaDirectory: string, logger: Logger) {
    this.#mediaDirectory = mediaDirectory;
    this.#logger = logger;
  }

  /** Folder of a channel's files. */
  of(key: string): string {
    return join(this.#mediaDirectory, LIVE_FOLDER, key);
  }

  /** File of a channel's stored timeline. */
  statePathOf(uid: string): string {
    return join(this.#mediaDirectory, TIMELINES_FOLDER, `${uid}.json`);
  }

  /** Resolves when nothing of an earlier channel of this name is left; undefined where nothing is being removed. */
  cleared(key: string): Promise<void> | undefined {
    return this.#ending.get(key);
  }

  /** Removes what belongs to no channel. Throws the file system's errors. */
  async sweep(channels: KeptChannels): Promise<void> {
    const kept = { ...channels, key: (key: string) => channels.key(key) || this.#ending.has(key) };
    await removeStrayTimelines(this.#mediaDirectory, kept);
    for (const key of await strayFolders(this.#mediaDirectory, kept)) {
      // A channel of this name may have come since.
      if (!kept.key(key)) await this.removing(key, () => rm(this.of(key), { recursive: true, force: true }));
    }
  }

  /** Removes files of a key, after what is being removed of it already; a channel of that key opens behind it. */
  removing(key: string, remove: () => Promise<void>): Promise<void> {
    const done = (this.#ending.get(key) ?? Promise.resolve())
      .then(remove)
      .catch((error: unknown) => this.#logger.error({ err: error, channel: key }, 'files of a removed channel stay'))
      .finally(() => {
        if (this.#ending.get(key) === done) this.#ending.delete(key);
      });
    this.#ending.set(key, done);
    return done;
  }

  /** Resolves when nothing is being removed any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#ending.values());
  }
}
