import type { ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { eventsOf, type StatusEvents } from './events.ts';
import type { ChannelStatus } from './status.ts';

/** Open event streams of one edge: about 20 kB each with their sockets. Pages go on by heartbeats without one. */
export const MAX_EVENT_LISTENERS = 5_000;
/** Unsent bytes at which a listener is cut: dozens of events. It reconnects and gets the present state. */
const MAX_UNSENT_BYTES = 16 * 1024;
/** Proxies cut silent connections after 30 to 60 s. */
const COMMENT_INTERVAL_MS = 15_000;
/** Events of one channel are this far apart: people cannot read faster, and joins come in bursts. */
const FLUSH_INTERVAL_MS = 250;
/** How long a browser waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;

interface ChannelListeners {
  readonly responses: Set<ServerResponse>;
  sent: StatusEvents;
}

/**
 * Server-sent events of all channels (WHATWG HTML, 9.2). Whatever changes a status marks its channel; a timer, running
 * only while somebody listens, compares and sends what is new, written once for all listeners of a channel.
 */
export class EventHub {
  readonly #status: (key: string) => ChannelStatus | null;
  readonly #channels = new Map<string, ChannelListeners>();
  readonly #marked = new Set<string>();
  #listeners = 0;
  #timer: NodeJS.Timeout | null = null;
  #commentTimer: NodeJS.Timeout | null = null;
  #closed = false;
  #onWatched: (key: string) => void = () => {};

  /** @param status the present status of a channel, null once it is gone */
  constructor(status: (key: string) => ChannelStatus | null) {
    this.#status = status;
  }

  get listenerCount(): number {
    return this.#listeners;
  }

  /**
   * Makes a response an event stream that begins with the present state.
   * @throws SluiceError `EVENTS_LIMIT_EXCEEDED` (429) when there are too many
   */
  subscribe(key: string, status: ChannelStatus, response: ServerResponse): void {
    if (this.#closed || this.#listeners >= MAX_EVENT_LISTENERS) {
      throw new SluiceError('This edge has as many event streams as it can have; poll the status instead', {
        code: 'EVENTS_LIMIT_EXCEEDED',
        retryable: true,
        status: 429,
        retryAfterSeconds: 30,
      });
    }
    this.flush();
    const events = eventsOf(status);
    const channel = this.#channels.get(key) ?? { responses: new Set(), sent: events };
    this.#channels.set(key, channel);
    channel.responses.add(response);
    this.#listeners += 1;
    response.once('close', () => this.#forget(key, channel, response));
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(`retry: ${RECONNECT_MS}\n\n${Object.entries(channel.sent).map(eventText).join('')}`);
    this.#timer ??= setInterval(() => this.flush(), FLUSH_INTERVAL_MS);
    this.#commentTimer ??= setInterval(() => this.#comment(), COMMENT_INTERVAL_MS);
  }

  /** Sets who hears, now and then, of each channel that somebody listens to. */
  onWatched(callback: (key: string) => void): void {
    this.#onWatched = callback;
  }

  /** Something about a channel may have changed. */
  mark(key: string): void {
    if (this.#channels.has(key)) this.#marked.add(key);
  }

  /** Marks all channels that somebody listens to. */
  markAll(): void {
    for (const key of this.#channels.keys()) this.#marked.add(key);
  }

  /** Sends what changed since the last time. Called by the hub's own timer. */
  flush(): void {
    for (const key of this.#marked) {
      const channel = this.#channels.get(key);
      if (channel === undefined) continue;
      const status = this.#status(key);
      if (status === null) {
        // The browser asks again, gets 404 and stops.
        for (const response of channel.responses) response.end();
        continue;
      }
      const events = eventsOf(status);
      const news = Object.entries(events).filter(([name, data]) => data !== channel.sent[name as keyof StatusEvents]);
      channel.sent = events;
      if (news.length > 0) this.#send(channel.responses, news.map(eventText).join(''));
    }
    this.#marked.clear();
  }

  /** Ends all streams; browsers come back to another edge. */
  close(): void {
    this.#closed = true;
    for (const { responses } of this.#channels.values()) for (const response of responses) response.end();
    this.#stopTimers();
  }

  #comment(): void {
    // Some things change without an event, such as the age of the operator's counts.
    this.markAll();
    for (const key of this.#channels.keys()) this.#onWatched(key);
    for (const { responses } of this.#channels.values()) this.#send(responses, ': still here\n\n');
  }

  /** Encoded once for all; who does not read what was sent before gets nothing more. */
  #send(responses: ReadonlySet<ServerResponse>, text: string): void {
    const bytes = Buffer.from(text);
    for (const response of responses) {
      if (response.writableLength > MAX_UNSENT_BYTES) response.destroy();
      else response.write(bytes);
    }
  }

  #forget(key: string, channel: ChannelListeners, response: ServerResponse): void {
    if (!channel.responses.delete(response)) return;
    this.#listeners -= 1;
    if (channel.responses.size === 0) this.#channels.delete(key);
    if (this.#listeners === 0) this.#stopTimers();
  }

  #stopTimers(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#commentTimer !== null) clearInterval(this.#commentTimer);
    this.#timer = null;
    this.#commentTimer = null;
  }
}

function eventText([name, data]: [string, string]): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}
