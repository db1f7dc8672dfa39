import type { Clock } from '../channel/clock.ts';

/**
 * Part of a target duration that a request waits behind others before it gets a connection of its own: longer than what
 * usual sources need for a playlist and a segment, and little beside the three target durations that players have in
 * advance, so that nobody sees what one slow segment costs the next look at the source.
 */
const PATIENCE = 0.25;

/**
 * Longest such wait in ms: a quarter of the usual 6 s, and less than what the shortest answer may take with its wait, which is
 * the 2 s of a rendition that has failed; playlists have 8 s.
 */
const MOST_PATIENCE_MS = 1_500;

/** Target durations after which an idle further connection is closed: a look at the source and a segment come in each. */
const IDLE_TARGET_DURATIONS = 2;

/**
 * Target durations that a further connection lives: where one is enough again the channel returns to it, and where it is not,
 * one request in so many waits.
 */
const LIFE_TARGET_DURATIONS = 10;

/** Target duration in seconds assumed before a playlist tells it: the middle of what live sources use. */
const ASSUMED_TARGET_DURATION_SECONDS = 4;

/**
 * Time in ms to the head of an answer from a source that is far away: from there the first six segments of a channel take longer
 * one after the other than what further connections cost.
 */
const FAR_MS = 25;

/** What asks for a connection. */
export interface Wish {
  /** Playlists go before everything else that waits. */
  readonly isPlaylist: boolean;
  /** It should have been here already: from a source far away it waits for no other. */
  readonly isDue: boolean;
  readonly signal: AbortSignal;
}

/** A connection in the hands of one request. */
export interface Turn<T> {
  readonly connection: T;
  /** The answer is over, whatever became of it. */
  end(): void;
}

/** What connections to one host are made of. */
export interface ConnectionParts<T> {
  readonly clock: Clock;
  /** Of the channel's playlists, in seconds; null where it is not known yet. */
  readonly targetDurationSeconds: () => number | null;
  /** A connection, which may be made at its first request. */
  readonly open: () => T;
  readonly close: (connection: T) => void;
  /** Requests that a connection carries at the same time: 1, or many by HTTP/2. */
  readonly capacityOf: (connection: T) => number;
  /** Connections at a time. */
  readonly most: number;
}

interface Open<T> {
  readonly connection: T;
  readonly openedAt: number;
  usedAt: number;
  underWay: number;
}

interface Waiting<T> {
  readonly isPlaylist: boolean;
  readonly isDue: boolean;
  /** It has waited for long enough. */
  isImpatient: boolean;
  readonly take: (turn: Turn<T>) => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Connections of one channel to one host of its source: one, over which requests go one after the other. What has waited for
 * a quarter of the target duration (1.5 s at most) gets one of its own, which is closed soon afterwards; and so does at once
 * what is due from a source that is far away.
 */
export class HostConnections<T> {
  readonly #parts: ConnectionParts<T>;
  /** The first one stays. */
  #open: Open<T>[] = [];
  #waiting: Waiting<T>[] = [];
  /** What the quickest answer took in ms; null before the first. */
  #nearestMs: number | null = null;
  #sweepPlanned: (() => void) | null = null;
  #isClosed = false;

  constructor(parts: ConnectionParts<T>) {
    this.#parts = parts;
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#open.every(({ underWay }) => underWay === 0);
  }

  /** Resolves when a connection is free for it. Rejects with the signal's reason, and once all are closed. */
  async turn(wish: Wish): Promise<Turn<T>> {
    wish.signal.throwIfAborted();
    if (this.#isClosed) throw connectionsClosed();
    const isFirst = this.#open.length === 0;
    const one = this.#free() ?? (isFirst || (wish.isDue && this.#isFar) ? this.#another() : null);
    return one === null ? this.#wait(wish) : this.#give(one);
  }

  /** The head of an answer came so many ms after the request: the distance to the host is what the quickest took. */
  answeredIn(ms: number): void {
    this.#nearestMs = Math.min(this.#nearestMs ?? ms, ms);
    this.serve();
  }

  /** Gives what is free to who waits; to be called as well when a connection carries more than before. */
  serve(): void {
    for (const waiting of [...this.#waiting]) {
      const one = this.#free();
      if (one === null) break;
      this.#admit(waiting, one);
    }
    for (const waiting of this.#waiting.filter((one) => one.isImpatient || (one.isDue && this.#isFar))) {
      const one = this.#another();
      if (one === null) return;
      this.#admit(waiting, one);
    }
  }

  /** Closes all connections for good: what waits is refused. */
  close(): void {
    this.#isClosed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(connectionsClosed());
    this.#sweepPlanned?.();
    this.#sweepPlanned = null;
    for (const { connection } of this.#open.splice(0)) this.#parts.close(connection);
  }

  get #isFar(): boolean {
    return (this.#nearestMs ?? 0) >= FAR_MS;
  }

  #free(): Open<T> | null {
    return this.#open.find(({ connection, underWay }) => underWay < this.#parts.capacityOf(connection)) ?? null;
  }

  #another(): Open<T> | null {
    if (this.#open.length >= this.#parts.most) return null;
    const now = this.#parts.clock.now();
    const one = { connection: this.#parts.open(), openedAt: now, usedAt: now, underWay: 0 };
    this.#open.push(one);
    return one;
  }

  #give(one: Open<T>): Turn<T> {
    one.underWay += 1;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      one.underWay -= 1;
      one.usedAt = this.#parts.clock.now();
      this.serve();
      this.#sweep();
    };
    return { connection: one.connection, end };
  }

  #admit(waiting: Waiting<T>, one: Open<T>): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.take(this.#give(one));
  }

  #wait({ isPlaylist, isDue, signal }: Wish): Promise<Turn<T>> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        cancel();
        signal.removeEventListener('abort', abort);
      };
      const waiting: Waiting<T> = {
        isPlaylist,
        isDue,
        isImpatient: false,
        take: (turn) => {
          leave();
          resolve(turn);
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        waiting.refuse(signal.reason);
      };
      const cancel = clock.after(Math.min(PATIENCE * this.#targetDurationMs, MOST_PATIENCE_MS), () => {
        waiting.isImpatient = true;
        this.serve();
      });
      signal.addEventListener('abort', abort);
      this.#queue(waiting);
    });
  }

  /** Behind the last that goes before it. */
  #queue(waiting: Waiting<T>): void {
    const at = waiting.isPlaylist ? this.#waiting.findIndex(({ isPlaylist }) => !isPlaylist) : -1;
    if (at < 0) this.#waiting.push(waiting);
    else this.#waiting.splice(at, 0, waiting);
  }

  get #targetDurationMs(): number {
    return 1000 * (this.#parts.targetDurationSeconds() ?? ASSUMED_TARGET_DURATION_SECONDS);
  }

  /** When an idle further connection is to be closed. */
  #endOf({ openedAt, usedAt }: Open<T>): number {
    const one = this.#targetDurationMs;
    return Math.min(usedAt + IDLE_TARGET_DURATIONS * one, openedAt + LIFE_TARGET_DURATIONS * one);
  }

  /** Closes idle further connections whose time is over, and looks again when that of the next one is. */
  #sweep(): void {
    const { clock, close } = this.#parts;
    const now = clock.now();
    const idle = this.#open.slice(1).filter(({ underWay }) => underWay === 0);
    const over = new Set(idle.filter((one) => this.#endOf(one) <= now));
    this.#open = this.#open.filter((one) => !over.has(one));
    for (const { connection } of over) close(connection);
    this.#sweepPlanned?.();
    const next = Math.min(...idle.filter((one) => !over.has(one)).map((one) => this.#endOf(one)));
    this.#sweepPlanned = next === Number.POSITIVE_INFINITY ? null : clock.after(next - now, () => this.#sweep());
  }
}

/** The error for whom asks a channel that has given up its source. */
export function connectionsClosed(): Error {
  return new Error('the connections of the channel are closed');
}
