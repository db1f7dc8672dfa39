import { once } from 'node:events';
import { createServer as createPlain, type Server } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type Settings,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { EDGE_SERVER_NAME } from '@sluice/operator/keys/link-keys.ts';
import { makeTestKeys } from '../testing/operator.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { addressGuard } from './address.ts';
import { createSourceClient, type SourceClient, type SourceRequest, type SourceResponse } from './client.ts';

const TARGET_DURATION_SECONDS = 2;
/** Turns of the event loop in which an answer on loopback would have come: it takes about five. */
const MANY_TURNS = 200;

/** Answers of a source: what a path says of itself. */
function answer(path: string, response: Pick<Http2ServerResponse, 'writeHead' | 'end' | 'write'>): void {
  if (path === '/trickling.ts') response.write('x');
  else if (path === '/moved.m3u8') response.writeHead(302, { location: '/index.m3u8' }).end('moved');
  else if (path === '/unchanged.m3u8') response.writeHead(304).end();
  else if (path === '/missing.ts') response.writeHead(404).end('no');
  else if (path === '/large.ts') response.end(Buffer.alloc(500_000, 'x'));
  else response.end(path);
}

/** A source that counts its connections. */
class Source {
  readonly requests: string[] = [];
  readonly #server: Server | Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #held: Http2ServerResponse[] = [];
  connections = 0;
  /** Most at a time. */
  peak = 0;

  constructor(server: Server | Http2SecureServer) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      this.peak = Math.max(this.peak, this.#sockets.size);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      this.requests.push(request.url);
      if (request.url === '/held.ts') this.#held.push(response);
      else answer(request.url, response);
    });
    server.on('session', (session: ServerHttp2Session) => this.#sessions.add(session));
  }

  async listen(address: string): Promise<number> {
    await once(this.#server.listen(0, address), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async asked(path: string): Promise<void> {
    while (!this.requests.includes(path)) await nextTurn();
  }

  /** Answers what is held. */
  release(): void {
    for (const response of this.#held.splice(0)) response.end('held');
  }

  /** Ends what is idle by HTTP/2. */
  async endSessions(): Promise<void> {
    for (const session of this.#sessions) session.close();
    await this.left(0);
  }

  async left(open: number): Promise<void> {
    while (this.#sockets.size !== open) await nextTurn();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const guard = addressGuard(['127.0.0.0/8']);
const clients: SourceClient[] = [];
let source: Source;
let base: string;
let clock: VirtualClock;

async function serve(address = '127.0.0.1'): Promise<void> {
  source = new Source(createPlain());
  base = `http://127.0.0.1:${await source.listen(address)}`;
  clock = new VirtualClock(0, () => nextTurn());
}

function channel(parts: Parameters<typeof createSourceClient>[1] = {}): SourceClient {
  const client = createSourceClient(guard, { clock, targetDurationSeconds: () => TARGET_DURATION_SECONDS, ...parts });
  clients.push(client);
  return client;
}

function read(client: SourceClient, path: string, changes: Partial<SourceRequest> = {}): Promise<SourceResponse> {
  return client.read({
    url: URL.parse(path, base)?.href ?? path,
    headers: { origin: '', values: {} },
    maxBytes: 1_000_000,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    ...changes,
  });
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await source.close();
});

describe('by HTTP/1.1 a channel', () => {
  test('has one connection, whatever it is answered, and however much it asks for at a time', async () => {
    await serve();
    const client = channel();
    const playlist = { isPlaylist: true };
    for (let round = 0; round < 5; round += 1) {
      await read(client, '/index.m3u8', playlist);
      const answers = await Promise.allSettled([
        read(client, '/large.ts'),
        read(client, '/missing.ts'),
        read(client, '/1.ts', { range: { offset: 1, length: 2 } }),
        read(client, '/unchanged.m3u8', playlist),
        read(client, '/moved.m3u8', playlist),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
        'fulfilled',
      ]);
    }
    expect([source.connections, source.requests.length]).toEqual([1, 35]);
  });

  test('has another one instead where it has read no more than the beginning', async () => {
    await serve();
    const client = channel();
    await read(client, '/large.ts', { partial: true, maxBytes: 1_000 });
    await read(client, '/index.m3u8');
    await source.left(1);
    expect(source.connections).toBe(2);
  });

  test('reads its playlist beside a segment that trickles, a quarter of the target duration later', async () => {
    await serve();
    const client = channel();
    const abort = new AbortController();
    const segment = read(client, '/trickling.ts', { signal: abort.signal }).catch(() => 'given up');
    await source.asked('/trickling.ts');
    const look = read(client, '/index.m3u8', { isPlaylist: true });
    await clock.advance(499);
    for (let turn = 0; turn < MANY_TURNS; turn += 1) await nextTurn();
    expect(source.requests).toEqual(['/trickling.ts']);
    await clock.advance(1);
    expect((await look).bytes.toString()).toBe('/index.m3u8');
    await Promise.all([read(client, '/2.ts'), read(client, '/index.m3u8')]);
    expect(source.connections).toBe(2);
    abort.abort();
    expect(await segment).toBe('given up');
    await source.left(1);
    await clock.advance(2_000 * TARGET_DURATION_SECONDS);
    await source.left(0);
    await read(client, '/index.m3u8');
    expect(source.open).toBe(1);
  });

  test('waits for no other channel of the same host', async () => {
    await serve();
    const abort = new AbortController();
    const stuck = read(channel(), '/trickling.ts', { signal: abort.signal }).catch(() => undefined);
    await source.asked('/trickling.ts');
    expect((await read(channel(), '/index.m3u8')).bytes.toString()).toBe('/index.m3u8');
    abort.abort();
    await stuck;
  });

  test('leaves none behind when it is closed', async () => {
    await serve();
    const client = channel();
    await read(client, '/index.m3u8');
    const segment = read(client, '/trickling.ts').catch((error: unknown) => error);
    await source.asked('/trickling.ts');
    const waiting = read(client, '/2.ts').catch((error: unknown) => error);
    await client.close();
    expect([await segment, await waiting]).toMatchObject(Array(2).fill({ code: 'SOURCE_UNREACHABLE' }));
    await expect(read(client, '/3.ts')).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    await source.left(0);
  });

  test('forgets hosts that it no longer asks, however many it is sent to', async () => {
    await serve('0.0.0.0');
    const client = channel();
    for (let host = 1; host <= 40; host += 1) await read(client, base.replace('127.0.0.1', `127.0.1.${host}`));
    expect(source.peak).toBeLessThanOrEqual(17);
  });
});

describe('by HTTP/2 a channel', () => {
  async function serveSecurely(address: string, settings: Settings = {}): Promise<SourceClient> {
    const { edge } = await makeTestKeys();
    const server = createSecureServer({ cert: edge.certificate, key: edge.privateKey, allowHTTP1: true, settings });
    source = new Source(server);
    base = `https://${EDGE_SERVER_NAME}:${await source.listen('127.0.0.1')}`;
    clock = new VirtualClock(0, () => nextTurn());
    return channel({
      ca: edge.certificate,
      resolve: (_name, _options, callback) => callback(null, [{ address, family: 4 }]),
    });
  }

  test('has one connection for everything, beside a segment that trickles as well', async () => {
    const client = await serveSecurely('127.0.0.1');
    const abort = new AbortController();
    const segment = read(client, '/trickling.ts', { signal: abort.signal }).catch(() => 'given up');
    await source.asked('/trickling.ts');
    const paths = ['/index.m3u8', '/large.ts', '/moved.m3u8', '/unchanged.m3u8', '/large.ts'];
    await Promise.all(paths.map((path) => read(client, path)));
    await read(client, '/large.ts', { partial: true, maxBytes: 1_000 });
    abort.abort();
    expect(await segment).toBe('given up');
    expect((await read(client, '/index.m3u8')).bytes.toString()).toBe('/index.m3u8');
    expect(source.connections).toBe(1);
  });

  test('has one again after the source has ended it, also for what is due from far away', async () => {
    const client = await serveSecurely('127.0.0.1');
    const first = read(client, '/held.ts');
    await source.asked('/held.ts');
    await clock.advance(100);
    source.release();
    await first;
    await source.endSessions();
    await Promise.all(['/1.ts', '/2.ts', '/3.ts'].map((path) => read(client, path, { isDue: true })));
    expect(source.connections).toBe(2);
  });

  test('gives up in time what the source does not let it send', async () => {
    const client = await serveSecurely('127.0.0.1', { maxConcurrentStreams: 1 });
    const abort = new AbortController();
    await read(client, '/index.m3u8');
    let isSegmentOver = false;
    const segment = read(client, '/trickling.ts').catch(() => {
      isSegmentOver = true;
    });
    await source.asked('/trickling.ts');
    const look = read(client, '/index.m3u8', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(look).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(isSegmentOver).toBe(false);
    await client.close();
    await segment;
  });

  test('connects to no address that it may not reach', async () => {
    const client = await serveSecurely('10.0.0.1');
    await expect(read(client, '/index.m3u8')).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN_ADDRESS' });
    expect(source.connections).toBe(0);
  });
});
