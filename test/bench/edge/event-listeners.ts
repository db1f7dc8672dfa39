import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Connections that are opened at a time: fewer than wait to be accepted on any system. */
const BATCH = 50;
/** More than stands between an event's name and its number: what is kept of one piece for the next. */
const TAIL_CHARACTERS = 200;
/** The event of a change, by the number of viewers that it tells. */
const VIEWERS = /event: viewers\ndata: \{"viewerCount":(\d+)/g;

/** Event streams of one channel, each on a connection of its own. */
export class EventListeners {
  readonly #sockets: Socket[] = [];
  readonly #edgeUrl: URL;
  readonly #path: string;
  readonly #onViewers: ((viewers: number) => void) | null;
  /** Streams that have ended, or were never one. Those who do not read never hear of it. */
  ended = 0;

  /**
   * @param channel `<namespace>/<name>`
   * @param onViewers told the number in each event `viewers` of each listener; null: they do not read
   */
  constructor(edgeUrl: string, channel: string, onViewers: ((viewers: number) => void) | null) {
    this.#edgeUrl = new URL(edgeUrl);
    this.#path = `/api/stream/${channel}/events`;
    this.#onViewers = onViewers;
  }

  /** So many more listeners; resolves when all have asked. */
  async open(count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => this.#connect());
      await Promise.all(batch.map((socket) => once(socket, 'connect')));
      for (const socket of batch) {
        socket.write(`GET ${this.#path} HTTP/1.1\r\nHost: ${this.#edgeUrl.host}\r\nAccept: text/event-stream\r\n\r\n`);
      }
      await sleep(5);
    }
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  #connect(): Socket {
    const socket = connect(Number(this.#edgeUrl.port), this.#edgeUrl.hostname);
    // Its end is told by `close`.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.ended += 1;
    });
    this.#sockets.push(socket);
    const onViewers = this.#onViewers;
    if (onViewers === null) {
      socket.pause();
      return socket;
    }
    let tail = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      const text = tail + piece;
      let end = 0;
      for (const match of text.matchAll(VIEWERS)) {
        // A number whose end has not come yet waits for it.
        if (match.index + match[0].length === text.length) break;
        onViewers(Number(match[1]));
        end = match.index + match[0].length;
      }
      tail = text.slice(Math.max(end, text.length - TAIL_CHARACTERS));
    });
    return socket;
  }
}
