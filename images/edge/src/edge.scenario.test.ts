import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { Agent, request } from 'undici';
import { readConfig } from './config.ts';
import { type Edge, startEdge } from './edge.ts';
import { audienceOf, ChannelsDouble, reportOf, routeOf } from './testing/channels.ts';
import { makeTestKeys, silentLog, type TestKeys, TestOperator } from './testing/operator.ts';

let directory: string;
let keys: TestKeys;
let ports: Record<'http' | 'internal' | 'link' | 'operations', number>;
let channels: ChannelsDouble;
let edge: Edge;
let agent: Agent;
const operators: TestOperator[] = [];

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const result: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    result.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return result;
}

async function start(): Promise<void> {
  channels = new ChannelsDouble();
  edge = await startEdge({
    config: readConfig({
      SLUICE_POD_NAME: 'edge-0',
      SLUICE_POD_UID: 'pod-uid',
      SLUICE_POD_IP: '127.0.0.1',
      SLUICE_BIND_ADDRESS: '127.0.0.1',
      SLUICE_HTTP_PORT: String(ports.http),
      SLUICE_INTERNAL_PORT: String(ports.internal),
      SLUICE_LINK_PORT: String(ports.link),
      SLUICE_OPERATIONS_PORT: String(ports.operations),
      SLUICE_RUN_DIRECTORY: directory,
    }),
    keys: keys.edge,
    channels,
    replication: { upgrade: (_request, socket) => void socket.destroy(), close: () => {} },
    work: createHttpServer((_request, response) => void response.writeHead(204).end()).listeners('request')[0] as never,
    log: silentLog,
    metrics: createMetrics(),
    now: () => performance.now(),
  });
}

/** What nginx would ask the sidecar. */
async function ask(path: string, body?: object): Promise<{ status: number; text: string; headers: object }> {
  const answer = await request(`http://sidecar${path}`, {
    dispatcher: agent,
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
}

async function readyStatus(): Promise<number> {
  const answer = await request(`http://127.0.0.1:${ports.operations}/readyz`);
  await answer.body.dump();
  return answer.statusCode;
}

/** Asks again every few ms until it is so; jest's own time-out ends a wait for ever. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function connect(term: number): Promise<TestOperator> {
  const operator = new TestOperator(ports.link, keys);
  operators.push(operator);
  await operator.prove(term);
  await operator.waitFor('synced');
  return operator;
}

beforeEach(async () => {
  keys = await makeTestKeys();
  directory = await mkdtemp(join(tmpdir(), 'edge-'));
  const [http = 0, internal = 0, link = 0, operations = 0] = await freePorts(4);
  ports = { http, internal, link, operations };
  agent = new Agent({ connect: { socketPath: join(directory, 'sidecar.sock') } });
  await start();
});

afterEach(async () => {
  for (const operator of operators.splice(0)) operator.socket.terminate();
  await agent.close();
  await edge.close();
  await rm(directory, { recursive: true });
});

describe('an edge', () => {
  test('is ready from the first snapshot on, and tells the operator of each viewer', async () => {
    expect(await readyStatus()).toBe(503);
    expect((await ask('/live/default/film/index.m3u8')).status).toBe(404);
    const operator = await connect(1);
    operator.send({ type: 'snapshot', routes: [routeOf()], audiences: [] });
    await until(async () => (await readyStatus()) === 200);
    expect(channels.sweeps).toBe(1);
    // There is no nginx here, and no second look yet: what is not known is not zero.
    expect(await operator.waitFor('load')).toEqual({
      type: 'load',
      egressBitsPerSecond: null,
      requestsPerSecond: null,
    });

    const multivariant = await ask('/live/default/film/index.m3u8?session=anna');
    expect(multivariant.text).toContain('source.m3u8?session=anna');
    expect(channels.localViewers.get('uid-film') ?? 0).toBe(0);
    await ask('/live/default/film/source.m3u8?session=anna');
    expect(channels.localViewers.get('uid-film')).toBe(1);
    const joined = await operator.waitFor('viewers', ({ snapshot }) => !snapshot);
    expect(joined).toMatchObject({ uid: 'uid-film', joined: [{ trusted: true }], left: [] });
    await ask('/api/stream/leave', { channelId: 'film', sessionId: 'anna' });
    await operator.waitFor('viewers', ({ left }) => left.length === 1 && left[0] === joined.joined[0]?.id);
    expect(channels.localViewers.get('uid-film')).toBe(0);
  });

  test('shows the count of the operator, and relays reports and source errors', async () => {
    const operator = await connect(1);
    const audience = audienceOf({ viewers: 7, peak: 8, reason: 'seven viewers' });
    operator.send({ type: 'snapshot', routes: [routeOf()], audiences: [audience] });
    await until(async () => (await ask('/api/stream/film/status')).status === 200);
    expect(JSON.parse((await ask('/api/stream/film/status')).text)).toMatchObject({
      viewerCount: 7,
      peakViewers: 8,
      viewersScope: 'all',
      reason: 'seven viewers',
    });
    channels.report(reportOf({ lastMsn: 9 }));
    await operator.waitFor('report', ({ report }) => report.lastMsn === 9);
    await ask('/api/stream/heartbeat', { channelId: 'film', sessionId: 'anna', sourceError: 'HTTP 403' });
    expect(await operator.waitFor('sourceError')).toMatchObject({ uid: 'uid-film', message: 'HTTP 403' });
  });

  test('goes on without the operator: ready after a restart, with its routes, viewers counted for the next one', async () => {
    const first = await connect(3);
    first.send({ type: 'snapshot', routes: [routeOf()], audiences: [] });
    await until(async () => (await readyStatus()) === 200);
    await edge.close();
    expect(channels.closed).toBe(true);
    await start();
    expect(await readyStatus()).toBe(200);
    await ask('/live/default/film/source.m3u8?session=anna');
    const second = await connect(3);
    expect(second.received.filter(({ type }) => type === 'viewers')).toEqual([
      expect.objectContaining({
        uid: 'uid-film',
        snapshot: true,
        joined: [expect.objectContaining({ trusted: true })],
      }),
    ]);
  });

  test('ends a channel that the operator removes, but not the one that has taken its name', async () => {
    const operator = await connect(1);
    operator.send({ type: 'snapshot', routes: [routeOf()], audiences: [] });
    operator.send({ type: 'route', route: routeOf({ uid: 'uid-again' }) });
    operator.send({ type: 'remove', uid: 'uid-film' });
    await until(async () => channels.live('default/film')?.route.uid === 'uid-again');
    expect(channels.removed).toEqual([]);
    operator.send({ type: 'remove', uid: 'uid-again' });
    await until(async () => (await ask('/live/default/film/index.m3u8')).status === 404);
    expect(channels.removed).toEqual(['uid-again']);
  });

  test('that leaves is unready at once, tells the operator, and hands its channels over', async () => {
    const operator = await connect(1);
    operator.send({ type: 'snapshot', routes: [routeOf()], audiences: [] });
    await until(async () => (await readyStatus()) === 200);
    const answer = await request(`http://127.0.0.1:${ports.operations}/leave?seconds=0`, { method: 'POST' });
    expect(await answer.body.text()).toBe('the edge may go\n');
    expect(await readyStatus()).toBe(503);
    await operator.waitFor('leaving');
    expect(channels.departures).toBe(1);
    expect((await ask('/live/default/film/source.m3u8?session=anna')).status).toBe(200);
  });

  test('writes a configuration for nginx that names its own ports and folders', async () => {
    const text = await readFile(join(directory, 'nginx.conf'), 'utf8');
    expect(text).toContain(`listen 127.0.0.1:${ports.http};`);
    expect(text).toContain(`server unix:${directory}/sidecar.sock`);
  });

  test('ends with open event streams and links', async () => {
    const operator = await connect(1);
    operator.send({ type: 'snapshot', routes: [routeOf()], audiences: [] });
    await until(async () => (await readyStatus()) === 200);
    const stream = await request('http://sidecar/api/stream/film/events', { dispatcher: agent });
    const text = stream.body.text();
    await edge.close();
    expect(await text).toContain('event: mode');
    expect(await operator.closed()).toBe(1006);
    await start();
  });
});
