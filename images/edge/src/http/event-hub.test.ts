import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { reportOf, routeOf } from '../testing/channels.ts';
import { EventHub, MAX_EVENT_LISTENERS } from './event-hub.ts';
import { type ChannelStatus, channelStatus } from './status.ts';

const KEY = 'default/film';

/** The part of a response that the hub uses, with what was written to it. */
class Listener extends EventEmitter {
  text = '';
  writableLength = 0;
  ended = false;
  destroyed = false;
  writeHead(): void {}
  readonly written: unknown[] = [];
  write(text: string | Uint8Array): void {
    if (this.ended) throw new Error('write after end');
    this.text += text;
    this.written.push(text);
  }
  /** Whether what was sent is read, without which an end never comes to its close. */
  reads = true;
  end(text = ''): void {
    if (this.ended) throw new Error('ended twice');
    this.text += text;
    this.ended = true;
    if (this.reads) this.emit('close');
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  take(): string {
    const taken = this.text;
    this.text = '';
    return taken;
  }
}

function statusOf(viewers: number, mode: 'Direct' | 'Proxy' = 'Direct'): ChannelStatus {
  const live = { route: routeOf(), activeMode: mode, report: reportOf(), audience: null };
  return channelStatus(live, { count: viewers, peak: viewers, approximate: false }, false);
}

let status: ChannelStatus | null;
let hub: EventHub;
function listen(): Listener {
  const listener = new Listener();
  hub.subscribe(KEY, statusOf(1), listener as unknown as ServerResponse);
  return listener;
}

beforeEach(() => {
  jest.useFakeTimers();
  status = statusOf(1);
  hub = new EventHub(() => status);
});
afterEach(() => {
  hub.close();
  jest.useRealTimers();
});

describe('EventHub', () => {
  test('begins each stream with the present state', () => {
    const text = listen().take();
    expect(text).toMatch(/^retry: \d+\n\n/);
    expect(
      [...text.matchAll(/^event: (\w+)\ndata: (\{.*\})\n\n/gm)].map(([, name, data]) => [name, JSON.parse(data ?? '')]),
    ).toEqual([
      ['mode', { mode: 'direct', targetMode: 'direct', reason: '' }],
      ['viewers', expect.objectContaining({ viewerCount: 1 })],
      ['health', { health: 'healthy', reason: 'Fresh', message: '' }],
    ]);
  });

  test('sends only the events that changed, in bundles, to every listener', () => {
    const listeners = [listen(), listen()];
    for (const listener of listeners) listener.take();
    status = statusOf(2);
    hub.mark(KEY);
    status = statusOf(3);
    hub.mark(KEY);
    hub.mark('default/other');
    jest.advanceTimersByTime(1_000);
    for (const listener of listeners) {
      const text = listener.take();
      expect(text.match(/^event: /gm)).toHaveLength(1);
      expect(text).toContain('"viewerCount":3');
    }
  });

  test('keeps quiet when nothing changed, apart from a comment every 15 seconds', () => {
    const listener = listen();
    listener.take();
    hub.mark(KEY);
    jest.advanceTimersByTime(14_999);
    expect(listener.take()).toBe('');
    jest.advanceTimersByTime(1);
    expect(listener.take()).toMatch(/^: .*\n\n$/);
  });

  test('cuts a listener that does not read, and no other', () => {
    const slow = listen();
    const other = listen();
    slow.writableLength = 1_000_000;
    status = statusOf(1, 'Proxy');
    hub.mark(KEY);
    jest.advanceTimersByTime(250);
    expect(slow.destroyed).toBe(true);
    expect(other.take()).toContain('"mode":"proxy"');
    expect(hub.listenerCount).toBe(1);
  });

  test('ends a stream that has been sent so much as a listener may hold who does not read, with the last event', () => {
    const listener = listen();
    let sent = 0;
    while (!listener.ended && sent < 1_000_000) {
      status = { ...statusOf(1), reason: `${sent} `.padEnd(4_000) };
      hub.mark(KEY);
      jest.advanceTimersByTime(250);
      sent += 4_000;
    }
    expect(listener.text.length).toBeGreaterThan(16 * 1024);
    expect(listener.text.length).toBeLessThan(40 * 1024);
    const [event, retry] = listener.text.split('\n\n').slice(-3);
    expect(event).toContain(`"reason":"${sent - 4_000} `);
    // It comes back soon, to the state of then.
    expect(retry).toBe('retry: 250');
    expect(listen().take()).toContain(`"viewerCount":1`);
  });

  test('does not end all streams at once that began together', () => {
    const listeners = Array.from({ length: 64 }, listen);
    const endedAt = new Set<number>();
    for (let round = 0; listeners.some(({ ended }) => !ended); round += 1) {
      status = { ...statusOf(1), reason: `${round} `.padEnd(200) };
      hub.mark(KEY);
      jest.advanceTimersByTime(250);
      if (listeners.some(({ ended }) => ended)) endedAt.add(listeners.filter(({ ended }) => ended).length);
    }
    expect(endedAt.size).toBeGreaterThan(20);
  });

  test('sends nothing to a stream that it has ended, whose listener takes no byte, and counts it until it closes', () => {
    const slow = listen();
    slow.reads = false;
    status = null;
    hub.mark(KEY);
    jest.advanceTimersByTime(250);
    expect(slow.ended).toBe(true);
    expect(hub.listenerCount).toBe(1);
    status = statusOf(2);
    const next = listen();
    hub.mark(KEY);
    jest.advanceTimersByTime(15_000);
    slow.emit('close');
    expect(hub.listenerCount).toBe(1);
    status = statusOf(3);
    hub.mark(KEY);
    jest.advanceTimersByTime(250);
    expect(next.take()).toContain('"viewerCount":3');
  });

  test('encodes an event once for all who hear it', () => {
    const [one, other] = [listen(), listen()];
    status = statusOf(2);
    hub.mark(KEY);
    jest.advanceTimersByTime(250);
    expect(one.written.at(-1)).toBe(other.written.at(-1));
    expect(one.written).toHaveLength(2);
  });

  test('ends the streams of a channel that is gone', () => {
    const listener = listen();
    status = null;
    hub.mark(KEY);
    jest.advanceTimersByTime(250);
    expect(listener.ended).toBe(true);
  });

  test('refuses listeners beyond its limit, and takes new ones when others go', () => {
    const first = listen();
    for (let index = 1; index < MAX_EVENT_LISTENERS; index += 1) listen();
    expect(listen).toThrow(expect.objectContaining({ code: 'EVENTS_LIMIT_EXCEEDED', status: 429 }));
    first.end();
    expect(listen).not.toThrow();
  });

  test('needs no timer without listeners', () => {
    const listener = listen();
    expect(jest.getTimerCount()).toBe(2);
    listener.end();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('ends all streams when it closes', () => {
    const listeners = [listen(), listen()];
    hub.close();
    expect(listeners.map(({ ended }) => ended)).toEqual([true, true]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
