import type { Logger } from '@sluice/common/log/log.ts';
import type { PlaylistFolder } from './folder.ts';

/** Writes and removes playlists, one thing after the other for each, and always the newest. */
export class PlaylistFiles {
  readonly #folder: Pick<PlaylistFolder, 'write' | 'remove' | 'close'>;
  readonly #log: Logger;
  /** What each is to be and is not yet; null for none. */
  readonly #wanted = new Map<string, string | null>();
  readonly #busy = new Map<string, Promise<void>>();
  /** A disk that is full is told of once, until it takes a file again: there may be hundreds of playlists a second. */
  #isTold = false;

  constructor(folder: Pick<PlaylistFolder, 'write' | 'remove' | 'close'>, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** A playlist is to have this text, or is not to be there (null). @param name `<namespace>/<channel>/<rung>` */
  put(name: string, text: string | null): void {
    this.#wanted.set(name, text);
    if (!this.#busy.has(name)) this.#busy.set(name, this.#bringUp(name));
  }

  /** Resolves when everything is as it was put. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async #bringUp(name: string): Promise<void> {
    for (let text = this.#wanted.get(name); text !== undefined; text = this.#wanted.get(name)) {
      this.#wanted.delete(name);
      try {
        if (text === null) await this.#folder.remove(name);
        else {
          await this.#folder.write(name, text);
          this.#isTold = false;
        }
      } catch (thrown) {
        await this.#giveUp(name, thrown);
      }
    }
    // In the same step as the last look: what is put after it begins anew.
    this.#busy.delete(name);
  }

  /** No room: without the file viewers ask the sidecar. What cannot be removed either is hidden with all others. */
  async #giveUp(name: string, thrown: unknown): Promise<void> {
    if (!this.#isTold) this.#log.warn({ err: thrown, playlist: name }, 'a playlist cannot be written for nginx');
    this.#isTold = true;
    const isGone = await this.#folder.remove(name).then(
      () => true,
      () => false,
    );
    if (isGone) return;
    await this.#folder.close().catch((error: unknown) => {
      // It is not kept alive any more: nginx finds nothing in it after a moment.
      this.#log.error({ err: error }, 'playlists for nginx cannot be hidden at once');
    });
  }
}
