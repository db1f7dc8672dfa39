import type { OwnerAddress } from '../replication/owner-link.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { isStoredName } from '../timeline/names.ts';
import { type FetchContext, Fetches } from './fetches.ts';

/**
 * Files that a new owner lists, because the owner before did, and does not have: fetched from the edges that may, at
 * once while the old owner still answers, and again when somebody asks.
 */
export class MissingSegments {
  readonly #fetches: Fetches;
  readonly #from: readonly OwnerAddress[];
  readonly #files: FetchContext['files'];

  constructor(context: FetchContext, from: readonly OwnerAddress[]) {
    this.#fetches = new Fetches(context);
    this.#files = context.files;
    this.#from = from;
  }

  /** As {@link Fetches.get}. */
  get(name: string): Promise<Uint8Array | null> {
    return this.#fetches.get(name, this.#from);
  }

  /**
   * Fetches whatever a log names and is not here, the newest first: viewers ask for those. One at a time: a thousand
   * channels that move at once leave turns for what viewers of others wait for.
   */
  async fetchAll(log: TimelineLog): Promise<void> {
    const entries = log.entries.filter(({ gap }) => !gap).reverse();
    const names = entries.flatMap((entry) => [
      ...Object.values(entry.names),
      ...(entry.map === null ? [] : [entry.map]),
    ]);
    for (const name of new Set(names)) {
      if (isStoredName(name) && !this.#files.has(name)) await this.get(name).catch(() => null);
    }
  }

  close(): Promise<void> {
    return this.#fetches.close();
  }
}
