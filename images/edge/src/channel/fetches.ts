import { SluiceError } from '@sluice/common/errors/error.ts';
import type { OwnerAddress } from '../replication/owner-link.ts';
import { type SegmentClient, segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';

/** Segments on their way to one edge at a time, each in memory until it is stored: about 100 MB at 3 MB each. */
const MAX_FETCHES = 32;
/** Further ones that wait for their turn; beyond it a viewer is told to come again. */
const MAX_WAITING = 1_000;

/** Turns of the fetches of one edge. */
export class FetchTurns {
  #running = 0;
  /** What begins each, in the order of their coming. */
  readonly #waiting = new Set<() => void>();

  /**
   * Runs `work` when it is its turn. Throws EDGE_BUSY (503) where too many wait, and OWNER_UNREACHABLE (503) as soon as
   * `signal` aborts before it is its turn.
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_FETCHES) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw segmentUnreachable(signal.reason);
    if (this.#waiting.size >= MAX_WAITING) throw edgeBusy();
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(begin);
        reject(segmentUnreachable(signal.reason));
      };
      const begin = (): void => {
        this.#waiting.delete(begin);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      this.#waiting.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}

function edgeBusy(): SluiceError {
  return new SluiceError('This edge fetches as many segments as it can; try again', {
    code: 'EDGE_BUSY',
    retryable: true,
    status: 503,
    retryAfterSeconds: 1,
  });
}

/** What fetches of one channel need. */
export interface FetchContext {
  readonly uid: string;
  readonly client: SegmentClient;
  readonly turns: FetchTurns;
  readonly files: ChannelFiles;
  /** Makes room on a full volume: what is due to go, goes at once. */
  readonly makeRoom: () => Promise<void>;
  /** Called for each file that was fetched. */
  readonly onFetched: () => void;
}

/** Gets files of a channel from other edges, each once, however many ask at the same time. */
export class Fetches {
  readonly #context: FetchContext;
  readonly #running = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();

  constructor(context: FetchContext) {
    this.#context = context;
  }

  /**
   * Resolves when the file is stored here, from the first of these edges that has it. Throws SEGMENT_UNKNOWN (404),
   * OWNER_UNREACHABLE (503), EDGE_BUSY (503) and the errors of the storage.
   */
  get(name: string, from: readonly OwnerAddress[]): Promise<void> {
    if (this.#context.files.has(name)) return Promise.resolve();
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const fetched = this.#context.turns
      .run(this.#abort.signal, () => this.#fetch(name, from))
      .finally(() => this.#running.delete(name));
    this.#running.set(name, fetched);
    return fetched;
  }

  /** Nothing is stored any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #fetch(name: string, from: readonly OwnerAddress[]): Promise<void> {
    const { client, uid, files, makeRoom, onFetched } = this.#context;
    let failure: unknown = segmentUnknown(name);
    const { signal } = this.#abort;
    for (const edge of signal.aborted ? [] : from) {
      try {
        const bytes = await client.read(edge, uid, name, signal);
        if (signal.aborted) break;
        await files.write(name, bytes).catch(async (error: unknown) => {
          await makeRoom();
          await files.write(name, bytes).catch(() => {
            throw error;
          });
        });
        onFetched();
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}
