/** What the outbox needs of a WebSocket. */
export interface OutboxSocket {
  /** Bytes handed over and not yet given to the network. */
  readonly bufferedAmount: number;
  send(text: string, done: (error?: Error) => void): void;
  /** Ends the connection at once. */
  terminate(): void;
}

/**
 * Above this many bytes waiting in the socket, new messages wait in the outbox, where a newer one for the same key
 * replaces an older one: a slow edge costs one message per key, not one per change.
 */
const HIGH_WATER_BYTES = 1024 * 1024;
/**
 * Messages without a key that may wait: a tenth of what an edge has open at a time. One that asks and does not read is
 * cut; the next connection begins with all that counts.
 */
const MAX_WAITING_WITHOUT_KEY = 2_000;
/** Ids that these may name together, ten times what an edge has open: one that asks has up to ten thousand, at 40 bytes each. */
const MAX_WAITING_IDS = 200_000;

/** Messages to one edge: in order while the network takes them, latest only while it does not. */
export class Outbox {
  private readonly waiting = new Map<string | symbol, () => string>();
  private readonly socket: OutboxSocket;
  /** Ids in each message without a key that waits. */
  private readonly withoutKey = new Map<string | symbol, number>();
  private waitingIds = 0;

  constructor(socket: OutboxSocket) {
    this.socket = socket;
  }

  /** Number of messages that wait because the edge does not read fast enough. */
  get backlog(): number {
    return this.waiting.size;
  }

  /**
   * Sends what `render` gives, now or when there is room. `key` names what it is about, e.g. a channel's route, of which
   * only the last word counts; null: nothing replaces it, as an answer or a goodbye.
   * @param ids that a message without a key names: while it waits they take room
   */
  put(key: string | null, render: () => string, ids = 0): void {
    const place = key ?? Symbol();
    if (key === null) {
      this.withoutKey.set(place, ids);
      this.waitingIds += ids;
    } else this.waiting.delete(key);
    this.waiting.set(place, render);
    this.flush();
    const isTooMuch = this.withoutKey.size > MAX_WAITING_WITHOUT_KEY || this.waitingIds > MAX_WAITING_IDS;
    if (isTooMuch) this.socket.terminate();
  }

  private readonly flush = (): void => {
    for (const [key, render] of this.waiting) {
      if (this.socket.bufferedAmount > HIGH_WATER_BYTES) return;
      this.waiting.delete(key);
      this.waitingIds -= this.withoutKey.get(key) ?? 0;
      this.withoutKey.delete(key);
      this.socket.send(render(), (error) => {
        if (error === undefined || error === null) this.flush();
      });
    }
  };
}
