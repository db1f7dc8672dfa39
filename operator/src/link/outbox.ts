/** What the outbox needs of a WebSocket. */
export interface OutboxSocket {
  /** Bytes handed over and not yet given to the network. */
  readonly bufferedAmount: number;
  send(text: string, done: (error?: Error) => void): void;
}

/**
 * Above this many bytes waiting in the socket, new messages wait in the outbox, where a newer one for the same key
 * replaces an older one: a slow edge costs one message per key, not one per change.
 */
const HIGH_WATER_BYTES = 1024 * 1024;

/** Messages to one edge: in order while the network takes them, latest only while it does not. */
export class Outbox {
  private readonly waiting = new Map<string, () => string>();
  private readonly socket: OutboxSocket;

  constructor(socket: OutboxSocket) {
    this.socket = socket;
  }

  /** Number of messages that wait because the edge does not read fast enough. */
  get backlog(): number {
    return this.waiting.size;
  }

  /** Sends what `render` gives, now or when there is room; `key` names what it is about, e.g. a channel's route. */
  put(key: string, render: () => string): void {
    this.waiting.delete(key);
    this.waiting.set(key, render);
    this.flush();
  }

  private readonly flush = (): void => {
    for (const [key, render] of this.waiting) {
      if (this.socket.bufferedAmount > HIGH_WATER_BYTES) return;
      this.waiting.delete(key);
      this.socket.send(render(), (error) => {
        if (error === undefined || error === null) this.flush();
      });
    }
  };
}
