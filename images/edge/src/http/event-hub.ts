import type { ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { eventsOf, type StatusEvents } from './events.ts';
import type { ChannelStatus } from './status.ts';

/** Open event streams of one edge: about 20 kB each with their sockets. Pages go on by heartbeats without one. */
export const MAX_EVENT_LISTENERS = 5_000;
/** Unsent bytes at which a listener is cut: dozens of events. It reconnects and gets the present state. */
const MAX_UNSENT_BYTES = 16 * 1024;
/**
 * Bytes after which a stream ends and its page comes again. What an edge has sent lies in sockets' buffers for as long as
 * nobody reads it, up to several hundred kB each before it hears of that: this is what a listener can hold. All that an edge
 * takes hold 160 MB, and nginx's container has 256 MiB by default.
 */
const MAX_STREAM_BYTES = 32 * 1024;
/** Streams that began together end one after the other: so many steps of so many bytes before {@link MAX_STREAM_BYTES}. */
const STREAM_STEPS = 64;
const STREAM_STEP_BYTES = 256;
/** Proxies cut silent connections after 30 to 60 s. */
const COMMENT_INTERVAL_MS = 15_000;
/** Events of one channel are this far apart: people cannot read faster, and joins come in bursts. */
const FLUSH_INTERVAL_MS = 250;
/** How long a browser waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;
/** The same where a stream ends that has only lasted long enough. */
const RETURN_MS = 250;

interface ChannelListeners {
  /** Those who are sent events, and how many bytes more each. */
  readonly responses: Map<ServerResponse, number>;
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
  #subscribed = 0;
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
    const channel = this.#channels.get(key) ?? { responses: new Map(), sent: events };
    this.#channels.set(key, channel);
    this.#subscribed += 1;
    channel.responses.set(response, MAX_STREAM_BYTES - STREAM_STEP_BYTES * (this.#subscribed % STREAM_STEPS));
    this.#listeners += 1;
    response.once('close', () => {
      this.#tellNoMore(key, channel, response);
      this.#listeners -= 1;
      if (this.#listeners === 0) this.#stopTimers();
    });
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
        for (const response of channel.responses.keys()) this.#end(key, channel, response);
        continue;
      }
      const events = eventsOf(status);
      const news = Object.entries(events).filter(([name, data]) => data !== channel.sent[name as keyof StatusEvents]);
      channel.sent = events;
      if (news.length > 0) this.#send(key, channel, news.map(eventText).join(''));
    }
    this.#marked.clear();
  }

  /** Ends all streams; browsers come back to another edge. */
  close(): void {
    this.#closed = true;
    for (const [key, channel] of this.#channels) {
      for (const response of channel.responses.keys()) this.#end(key, channel, response);
    }
    this.#stopTimers();
  }

  #comment(): void {
    // Some things change without an event, such as the age of the operator's counts.
    this.markAll();
    for (const key of this.#channels.keys()) this.#onWatched(key);
    for (const [key, channel] of this.#channels) this.#send(key, channel, ': still here\n\n');
  }

  /** Encoded once for all; who does not read what was sent before gets nothing more. */
  #send(key: string, channel: ChannelListeners, text: string): void {
    const bytes = Buffer.from(text);
    for (const [response, left] of channel.responses) {
      if (response.writableLength > MAX_UNSENT_BYTES) {
        response.destroy();
        continue;
      }
      response.write(bytes);
      channel.responses.set(response, left - bytes.length);
      if (left <= bytes.length) this.#end(key, channel, response, `retry: ${RETURN_MS}\n\n`);
    }
  }

  /** It counts until it has closed: who does not read takes long to. */
  #end(key: string, channel: ChannelListeners, response: ServerResponse, lastText = ''): void {
    this.#tellNoMore(key, channel, response);
    response.end(lastText);
  }

  #tellNoMore(key: string, channel: ChannelListeners, response: ServerResponse): void {
    channel.responses.delete(response);
    // Others may listen to the channel since.
    if (channel.responses.size === 0 && this.#channels.get(key) === channel) this.#channels.delete(key);
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
