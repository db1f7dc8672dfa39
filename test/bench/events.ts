import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventHub, MAX_EVENT_LISTENERS } from '@sluice/edge/http/event-hub.ts';
import type { ChannelStatus } from '@sluice/edge/http/status.ts';
import { type Measurement, percentile } from './statistics.ts';

const EVENTS = 20;
/** Listeners who never read, and events until the buffers of the system and of the edge are full. */
const SLOW_LISTENERS = 50;
const SLOW_EVENTS = 4_000;
/** Connections that are opened at a time: fewer than wait to be accepted on any system. */
const BATCH = 50;

/** An edge's hub behind a unix socket, and those who listen. */
interface Streams {
  readonly path: string;
  readonly hub: EventHub;
  readonly sockets: Socket[];
  /** One more viewer of a channel: an event for all who listen to it. */
  announce(key: string): void;
}

/**
 * Server-sent events to as many listeners as an edge takes, on a unix socket as from nginx, by the edge's own hub. Server and
 * listeners are one process, so memory and processor time are those of both ends.
 */
export async function measureEvents(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-events-'));
  let viewers = 0;
  const hub = new EventHub((key) => statusOf(key, viewers));
  const server = createServer((request, response) => {
    const key = request.url ?? '';
    try {
      hub.subscribe(key, statusOf(key, viewers), response);
    } catch {
      response.destroy(); // the bench ends, or has one listener too many
    }
  });
  const announce = (key: string): void => {
    viewers += 1;
    hub.mark(key);
    hub.flush();
  };
  const streams: Streams = { path: join(folder, 'events.sock'), hub, sockets: [], announce };
  try {
    server.listen(streams.path);
    await once(server, 'listening');
    const listeners = MAX_EVENT_LISTENERS - SLOW_LISTENERS;
    return [...(await measureListeners(streams, listeners)), await measureSlow(streams, listeners)];
  } finally {
    for (const socket of streams.sockets) socket.destroy();
    hub.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/** How long an event is on its way to all of them, and what it costs. */
async function measureListeners(streams: Streams, listeners: number): Promise<Measurement[]> {
  const idleBytes = process.memoryUsage().rss;
  let received = 0;
  await open(listeners, streams, '/film', (bytes) => {
    received += bytes.toString('latin1').split('event: viewers').length - 1;
  });
  await until(() => streams.hub.listenerCount === listeners && received >= listeners);
  const bytesEach = (process.memoryUsage().rss - idleBytes) / listeners;
  const waits: number[] = [];
  const cpu = process.cpuUsage();
  for (let event = 0; event < EVENTS; event += 1) {
    received = 0;
    const at = performance.now();
    streams.announce('/film');
    await until(() => received >= listeners);
    waits.push(performance.now() - at);
  }
  const { user, system } = process.cpuUsage(cpu);
  return [
    {
      what: `${listeners} event streams: an event is with all of them`,
      measured: `median ${percentile(waits, 0.5).toFixed(0)} ms, worst ${percentile(waits, 1).toFixed(0)} ms`,
      reference: 'sent every 250 ms at most',
    },
    {
      what: 'processor time of an event and listener, both ends',
      measured: `${((user + system) / EVENTS / listeners).toFixed(1)} us`,
      reference: '-',
    },
    { what: 'memory of a listener, both ends', measured: `${(bytesEach / 1000).toFixed(0)} kB`, reference: '-' },
  ];
}

/** What becomes of listeners who do not read. @param others that are there and read */
async function measureSlow(streams: Streams, others: number): Promise<Measurement> {
  await open(SLOW_LISTENERS, streams, '/slow', null);
  const before = process.memoryUsage().rss;
  for (let event = 0; event < SLOW_EVENTS; event += 1) {
    streams.announce('/slow');
    if (event % 50 === 0) await sleep(1);
  }
  await sleep(100);
  const bytesEach = Math.max(0, process.memoryUsage().rss - before) / SLOW_LISTENERS;
  const left = streams.hub.listenerCount - others;
  return {
    what: `${SLOW_LISTENERS} listeners who do not read, ${SLOW_EVENTS} events: not cut; memory of each`,
    measured: `${left}; ${(bytesEach / 1000).toFixed(0)} kB`,
    reference: '0; 16 kB unsent',
  };
}

async function open(
  count: number,
  { path, sockets }: Streams,
  key: string,
  onData: ((bytes: Buffer) => void) | null,
): Promise<void> {
  for (let opened = 0; opened < count; opened += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => connect(path));
    sockets.push(...batch);
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
    for (const socket of batch) {
      socket.on('error', () => {});
      if (onData !== null) socket.on('data', onData);
      socket.write(`GET ${key} HTTP/1.1\r\nHost: edge\r\n\r\n`);
    }
    await sleep(5);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('an event did not reach all listeners within a minute');
    await sleep(2);
  }
}

function statusOf(key: string, viewerCount: number): ChannelStatus {
  return {
    channelId: key,
    viewerCount,
    viewersScope: 'all',
    viewersState: 'known',
    viewersApproximate: false,
    peakViewers: viewerCount,
    mode: 'proxy',
    targetMode: 'proxy',
    reason: '',
    health: 'healthy',
    healthReason: '',
    healthMessage: '',
    maxViewers: null,
    streamUrl: key,
  };
}
