import type { OwnerAddress } from '../replication/owner-link.ts';
import { listedSeconds, type TimelineLog, urisOfEntry } from '../timeline/log.ts';
import { isStoredName, segmentName } from '../timeline/names.ts';
import type { Clock } from './clock.ts';
import type { TimelineCopy } from './copy.ts';
import { type FetchContext, Fetches } from './fetches.ts';
import type { SessionUnderWay } from './under-way.ts';

/** Names of what a transcoder has stored at the owner before, of segments that are not listed yet. */
function rowNames(uid: string, epoch: number, session: SessionUnderWay | null): readonly string[] {
  if (session === null) return [];
  const { attempt, rows } = session;
  return rows.flatMap(({ msn, rungs }) => rungs.map((rung) => segmentName({ uid, epoch, rung, msn, attempt })));
}

/**
 * Files that a new owner lists, because the owner before did, and does not have: fetched from the edges that may, at
 * once while the old owner still answers, and again when somebody asks.
 */
export class MissingSegments {
  readonly #fetches: Fetches;
  readonly #from: readonly OwnerAddress[];
  readonly #files: FetchContext['files'];
  readonly #clock: Clock;
  readonly #endsAt: number;

  /** @param log what the owner before has listed */
  constructor(context: FetchContext & { readonly clock: Clock }, from: readonly OwnerAddress[], log: TimelineLog) {
    this.#fetches = new Fetches(context);
    this.#files = context.files;
    this.#from = from;
    this.#clock = context.clock;
    // What is listed leaves the playlist within a window, and can be had for one more.
    this.#endsAt = context.clock.now() + 2 * (listedSeconds(log) + log.targetDurationSeconds) * 1000;
  }

  /** As {@link Fetches.get}; once nobody can want anything of the owner before any more, nobody is asked for it. */
  get(name: string): Promise<Uint8Array | null> {
    const isOver = this.#clock.now() >= this.#endsAt;
    return this.#fetches.get(name, isOver ? [] : this.#from);
  }

  /**
   * Fetches whatever a copy names and is not here: what is listed next of a transcoder first, then the newest that are
   * listed already, because viewers ask for those. One at a time: a thousand channels that move at once leave turns for
   * what viewers of others wait for.
   */
  async fetchAll({ log, underWay }: TimelineCopy, uid: string): Promise<void> {
    const entries = log.entries.filter(({ gap }) => !gap).reverse();
    const names = entries.flatMap(urisOfEntry);
    for (const name of new Set([...rowNames(uid, log.epoch, underWay?.session ?? null), ...names])) {
      if (isStoredName(name) && !this.#files.has(name)) await this.get(name).catch(() => null);
    }
  }

  close(): Promise<void> {
    return this.#fetches.close();
  }
}
