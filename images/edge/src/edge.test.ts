import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
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

    const multivariant = await ask('/live/default/film/index.m3u8?session=anna');
    expect(multivariant.text).toContain('source.m3u8?session=anna');
    expect(channels.localViewers.get('uid-film') ?? 0).toBe(0);
    await ask('/live/default/film/source.m3u8?session=anna');
    expect(channels.localViewers.get('uid-film')).toBe(1);
    const joined = await operator.waitFor('viewers', ({ snapshot }) => !snapshot);
    expect(joined).toMatchObject({ uid: 'uid-film', joined: [{ trusted: true }], left: [] });
    await ask('/api/stream/leave', { channelId: 'film', sessionId: 'anna' });
    await operator.waitFor('viewers', ({ left }) => left.length === 1 && left[0] === joined.joined[0]?.id);
  });
});
