import { mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Folder of playlists in the run directory. */
export const PLAYLISTS_FOLDER = 'playlists';
/** Digits of a Unix time in seconds that the name of a period leaves out: periods of ten seconds. */
export const PERIOD_DIGITS = 1;
const PERIOD_MS = 1000 * 10 ** PERIOD_DIGITS;
const FILES = 'files';

/**
 * Playlists that nginx sends by itself: `<period>/live/<namespace>/<channel>/<rung>.m3u8`, where a period is a link to
 * the files that nginx follows for ten seconds. Links are made for the present period and the next one alone: where
 * the sidecar has died or hangs, nginx finds no file after twenty seconds at most, and no viewer is shown a timeline
 * that stands still for longer.
 */
export class PlaylistFolder {
  readonly #folder: string;
  readonly #wallNow: () => number;
  #links = new Set<string>();
  #isClosed = false;

  /** @param wallNow milliseconds since the epoch, by the clock that nginx has, too */
  constructor(runDirectory: string, wallNow: () => number = Date.now) {
    this.#folder = join(runDirectory, PLAYLISTS_FOLDER);
    this.#wallNow = wallNow;
  }

  /** Removes what an earlier run has left, and lets nginx look. */
  async open(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(join(this.#folder, FILES), { recursive: true });
    await this.keepAlive();
  }

  /** Lets nginx look for ten seconds more at least; called at least once in that time. */
  async keepAlive(): Promise<void> {
    if (this.#isClosed) return;
    const period = Math.floor(this.#wallNow() / PERIOD_MS);
    const links = new Set([String(period), String(period + 1)]);
    const before = this.#links;
    this.#links = links;
    for (const link of links) if (!before.has(link)) await symlink(FILES, join(this.#folder, link));
    for (const link of before) if (!links.has(link)) await rm(join(this.#folder, link), { force: true });
  }

  /** nginx finds nothing from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) if (name !== FILES) await rm(join(this.#folder, name), { force: true });
  }

  /** Replaces a playlist at once. @param name `<namespace>/<channel>/<rung>` */
  async write(name: string, text: string): Promise<void> {
    const path = this.#pathOf(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  /** Removes a playlist, and its folder where it was the last one; nothing happens where there is none. */
  async remove(name: string): Promise<void> {
    const path = this.#pathOf(name);
    await rm(`${path}.new`, { force: true });
    await rm(path, { force: true });
    // Another rendition may still be there.
    await rmdir(dirname(path)).catch(() => undefined);
  }

  #pathOf(name: string): string {
    return join(this.#folder, FILES, 'live', `${name}.m3u8`);
  }
}
