import { SluiceError } from '@sluice/common/errors/error.ts';
import type { OwnerAddress } from '../replication/owner-link.ts';
import { type SegmentClient, segmentUnknown, segmentUnreachable } from '../replication/segments.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';

/** Segments on their way to this edge at a time, each in memory until it is stored: about 100 MB at 3 MB each. */
const MAX_FETCHES = 32;
/** Further ones that wait for their turn; beyond it a viewer is told to come again. */
const MAX_WAITING = 1_000;

/** Of these, fetches from one other edge: one that is gone keeps each for seconds, and others must go on meanwhile. */
const MAX_FETCHES_PER_SENDER = MAX_FETCHES / 2;
const MAX_WAITING_PER_SENDER = MAX_WAITING / 2;

interface Waiting {
  readonly sender: string;
  readonly begin: () => void;
}

/** Turns of the fetches of one edge. */
export class FetchTurns {
  /** Senders of the fetches that have their turn. */
  readonly #running: string[] = [];
  /** In the order of their coming. */
  readonly #waiting = new Set<Waiting>();

  /**
   * Runs `work`, a fetch from the pod `sender`, when it is its turn. Throws EDGE_BUSY (503) where too many wait, and
   * OWNER_UNREACHABLE (503) as soon as `signal` aborts before it is its turn.
   */
  async run<T>(sender: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw segmentUnreachable(signal.reason);
    if (this.#mayBegin(sender)) this.#running.push(sender);
    else await this.#turn(sender, signal);
    try {
      return await work();
    } finally {
      this.#running.splice(this.#running.indexOf(sender), 1);
      this.#next();
    }
  }

  #mayBegin(sender: string): boolean {
    if (this.#running.length >= MAX_FETCHES) return false;
    return this.#running.filter((one) => one === sender).length < MAX_FETCHES_PER_SENDER;
  }

  #turn(sender: string, signal: AbortSignal): Promise<void> {
    const fromSender = [...this.#waiting].filter((one) => one.sender === sender).length;
    if (this.#waiting.size >= MAX_WAITING || fromSender >= MAX_WAITING_PER_SENDER) throw edgeBusy();
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        reject(segmentUnreachable(signal.reason));
      };
      const begin = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', leave);
        this.#running.push(sender);
        resolve();
      };
      const waiting = { sender, begin };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** One has ended: the first of those who may begin does. */
  #next(): void {
    for (const { sender, begin } of this.#waiting) {
      if (!this.#mayBegin(sender)) continue;
      begin();
      return;
    }
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
  /** Called for each file that was fetched, with its size in bytes. */
  readonly onFetched: (bytes: number) => void;
}

/** Gets files of a channel from other edges, each once, however many ask at the same time. */
export class Fetches {
  readonly #context: FetchContext;
  readonly #running = new Map<string, Promise<Uint8Array | null>>();
  readonly #abort = new AbortController();

  constructor(context: FetchContext) {
    this.#context = context;
  }

  /**
   * Resolves when the file is stored here, from the first of these edges that has it: to null, or to its bytes where
   * there is no room for it, so that who waits gets it all the same. Throws SEGMENT_UNKNOWN (404), OWNER_UNREACHABLE
   * (503), EDGE_BUSY (503) and STORAGE_FAILED (503).
   */
  get(name: string, from: readonly OwnerAddress[]): Promise<Uint8Array | null> {
    if (this.#context.files.has(name)) return Promise.resolve(null);
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const fetched = this.#fetch(name, from).finally(() => this.#running.delete(name));
    this.#running.set(name, fetched);
    return fetched;
  }

  /** Nothing is stored any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #fetch(name: string, from: readonly OwnerAddress[]): Promise<Uint8Array | null> {
    let failure: unknown = segmentUnknown(name);
    for (const edge of from) {
      try {
        return await this.#context.turns.run(edge.podUid, this.#abort.signal, () => this.#fetchFrom(edge, name));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #fetchFrom(edge: OwnerAddress, name: string): Promise<Uint8Array | null> {
    const { client, uid, files, onFetched } = this.#context;
    const { signal } = this.#abort;
    const bytes = await client.read(edge, uid, name, signal);
    if (signal.aborted) throw segmentUnreachable(signal.reason);
    onFetched(bytes.length);
    try {
      await files.write(name, bytes);
      return null;
    } catch (error) {
      if (error instanceof SluiceError && error.code === STORAGE_FULL) return bytes;
      throw error;
    }
  }
}
