import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { OwnerAddress } from '../replication/owner-link.ts';
import type { SourceClient } from '../source/client.ts';
import { headersOfSource } from '../source/headers.ts';
import { type TimelineLog, urisOfEntry } from '../timeline/log.ts';
import { isStoredName, segmentName } from '../timeline/names.ts';
import type { Clock } from './clock.ts';
import type { TimelineCopy } from './copy.ts';
import { type FetchContext, Fetches } from './fetches.ts';
import type { ChannelOwner } from './owner.ts';
import { type Reread, Rereads } from './reread.ts';
import { wantedUntil } from './reread-plan.ts';
import { isNoRoom, storeSegment } from './storing.ts';
import type { SessionUnderWay } from './under-way.ts';

/** Names of what a transcoder has stored at the owner before, of segments that are not listed yet. */
function rowNames(uid: string, epoch: number, session: SessionUnderWay | null): readonly string[] {
  if (session === null) return [];
  const { attempt, rows } = session;
  return rows.flatMap(({ msn, rungs, sections = {} }) =>
    rungs.flatMap((rung) => {
      const [id, section] = [{ uid, epoch, rung, msn, attempt }, sections[rung]];
      return section === undefined ? [segmentName(id)] : [section, segmentName(id, 'm4s')];
    }),
  );
}

/** What a new owner's missing files need. */
export interface MissingContext extends FetchContext {
  readonly clock: Clock;
  /** What no other edge has is read again from the source. */
  readonly rereads: Pick<Rereads, 'get' | 'close'>;
  /** A file finds no room: the channel gives back what it can spare. */
  readonly noRoom: () => void;
  /** Nothing up to this number can be stored here: it must leave the playlist as soon as it may. */
  readonly giveUp: (msn: number) => void;
  /** The oldest number that is listed now. */
  readonly firstListedMsn: () => number;
}

/**
 * Files that a new owner lists, because the owner before did, and does not have: fetched from the edges that may, at
 * once while the old owner still answers, and again when somebody asks.
 */
export class MissingSegments {
  readonly #context: MissingContext;
  readonly #fetches: Fetches;
  readonly #from: readonly OwnerAddress[];
  readonly #endsAt: number;
  readonly #abort = new AbortController();

  /** @param log what the owner before has listed */
  constructor(context: MissingContext, from: readonly OwnerAddress[], log: TimelineLog) {
    this.#context = context;
    this.#fetches = new Fetches(context);
    this.#from = from;
    this.#endsAt = wantedUntil(log, context.clock.now());
  }

  /**
   * As {@link Fetches.get}, and of the source where no edge has it; once nobody can want anything of the owner before any
   * more, nobody is asked for it.
   */
  async get(name: string): Promise<Uint8Array | null> {
    const { clock, rereads } = this.#context;
    const isOver = clock.now() >= this.#endsAt;
    try {
      return await this.#fetches.get(name, isOver ? [] : this.#from);
    } catch (error) {
      if (isOver || !(error instanceof SluiceError) || !NOT_HAD.has(error.code)) throw error;
      return rereads.get(name).then(
        () => null,
        // Who could not be asked may have it all the same.
        (unread: unknown) => Promise.reject(error.retryable ? error : unread),
      );
    }
  }

  /**
   * Fetches whatever a copy names and is not here: what is listed next of a transcoder first, then the newest that are
   * listed already, because viewers ask for those. One at a time: a thousand channels that move at once leave turns for
   * what viewers of others wait for. What finds no room has to leave the playlist, with all before it: what is listed
   * is stored.
   */
  async fetchAll({ log, underWay }: TimelineCopy, uid: string): Promise<void> {
    for (const name of rowNames(uid, log.epoch, underWay?.session ?? null)) await this.#store(name);
    for (const entry of log.entries.filter(({ gap }) => !gap).reverse()) {
      if (entry.msn < this.#context.firstListedMsn()) return;
      for (const name of new Set(urisOfEntry(entry))) {
        if (await this.#store(name)) continue;
        this.#context.giveUp(entry.msn);
        return;
      }
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all([this.#fetches.close(), this.#context.rereads.close()]);
  }

  /** Gets one file. @returns false where there is no room for it, however often it is tried */
  async #store(name: string): Promise<boolean> {
    const { files, clock, noRoom } = this.#context;
    const { signal } = this.#abort;
    if (!isStoredName(name) || files.has(name)) return true;
    try {
      const bytes = await this.get(name);
      if (bytes === null) return true;
      noRoom();
      await storeSegment(name, bytes, { files, clock, signal, noRoom });
      return true;
    } catch (error) {
      return signal.aborted || !isNoRoom(error);
    }
  }
}

/** Errors of a fetch after which the source may still have it: no edge does, or none can be asked. */
const NOT_HAD: ReadonlySet<string> = new Set(['SEGMENT_UNKNOWN', 'OWNER_UNREACHABLE']);

/** What taking over the files of a channel needs of its edge. */
export interface TakeOverContext extends Omit<MissingContext, 'files' | 'rereads' | keyof OwnersPart> {
  readonly source: SourceClient;
  readonly logger: Logger;
  /** A file that no edge has was read from the source again, or is lost. */
  readonly reread: (result: Reread) => void;
}

/** What the owner itself knows and does. */
type OwnersPart = Pick<MissingContext, 'noRoom' | 'giveUp' | 'firstListedMsn'>;

/** A new owner begins to get what it lists of the owner before and does not have: from `answered`, or the source. */
export function takeOverFiles(
  { source: client, logger, reread, ...context }: TakeOverContext,
  owner: ChannelOwner,
  copy: TimelineCopy,
  answered: readonly OwnerAddress[],
): { readonly missing: MissingSegments; readonly rereads: Rereads } {
  const { uid, clock } = context;
  const { files, publisher } = owner;
  const noRoom = (): void => publisher.noRoom();
  let lost = 0;
  const done = (result: Reread, name: string): void => {
    reread(result);
    if (result === 'read') return;
    lost += 1;
    // A window of all its rungs is lost together; the rest is in the metrics.
    if (lost === 1)
      logger.warn({ uid, name }, 'listed segments of the owner before are lost: no edge and no source has them');
  };
  const headers = () => headersOfSource(owner.route.source);
  const rereads = new Rereads({ uid, clock, client, files, headers, noRoom, done }, copy);
  const giveUp = (msn: number): void => publisher.giveUp(msn);
  const firstListedMsn = (): number => publisher.log?.firstListedMsn ?? 0;
  const missing = new MissingSegments(
    { ...context, files, rereads, noRoom, giveUp, firstListedMsn },
    answered,
    copy.log,
  );
  void missing.fetchAll(copy, uid);
  return { missing, rereads };
}
