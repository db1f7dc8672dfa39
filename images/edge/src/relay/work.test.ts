import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { RouteTable } from '../routes/table.ts';
import { routeOf } from '../testing/channels.ts';
import { openServer } from '../testing/http.ts';
import { createWorkRelay, type WorkRelay } from './work.ts';

const TOKEN = 'token';
const HEADERS = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '2', cookie: 'private' };
const WORK = '/internal/v1/sessions/default/film-1/work?epoch=0&after=-1';
const SESSION: Route['session'] = {
  name: 'film-1',
  uid: 'session',
  tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
  rungs: ['720p'],
};

let asked: { request: IncomingMessage; body: string }[];
let owner: Awaited<ReturnType<typeof openServer>> & { readonly port: number };
let edge: Awaited<ReturnType<typeof openServer>>;
let relay: WorkRelay;
let routes: RouteTable;

const foreign = (change: Partial<Route> = {}): Route =>
  routeOf({ owners: [{ podName: 'edge-1', podUid: 'another', address: `127.0.0.1:${owner.port}` }], ...change });

beforeEach(async () => {
  asked = [];
  const server = createServer(async (request, response) => {
    asked.push({ request, body: (await request.toArray()).join('') });
    response.writeHead(409, { 'content-type': 'application/json', 'x-inside': 'secret' }).end('{"owner":true}');
  });
  const opened = await openServer(server);
  const address = server.address();
  owner = { ...opened, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
  routes = new RouteTable();
  relay = createWorkRelay(routes, 'pod-uid', (_request, response) => void response.writeHead(401).end('local'));
  edge = await openServer(createServer(relay.listener));
});
afterEach(async () => {
  await edge.close();
  await relay.close();
  await owner.close();
});

describe('what an agent asks an edge that does not own its channel', () => {
  test('goes to the owner with its body, marked, and comes back as the owner said it', async () => {
    routes.apply(foreign({ session: SESSION }));
    const path = '/internal/v1/sessions/default/film-1/segments/1/720p/7';
    const answer = await edge.ask(path, { method: 'PUT', headers: HEADERS, body: 'bytes' });
    expect(answer).toMatchObject({ status: 409, text: '{"owner":true}' });
    expect(answer.headers).not.toHaveProperty('x-inside');
    expect(asked[0]).toMatchObject({ body: 'bytes', request: { url: path, method: 'PUT' } });
    expect(asked[0]?.request.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      'sluice-attempt': '2',
      'sluice-relayed': '1',
    });
    expect(asked[0]?.request.headers).not.toHaveProperty('cookie');
  });

  test('still reaches it after the route has dropped the session, whose pod drains', async () => {
    routes.apply(foreign({ session: SESSION }));
    routes.apply(foreign({ session: null }));
    expect((await edge.ask(WORK, { headers: HEADERS })).status).toBe(409);
    routes.apply(foreign({ session: { ...SESSION, name: 'film-2' } }));
    expect((await edge.ask(WORK, { headers: HEADERS })).status).toBe(401);
    routes.remove('uid-film');
    expect((await edge.ask(WORK.replace('film-1', 'film-2'), { headers: HEADERS })).status).toBe(401);
  });

  test.each([
    ['a wrong token', WORK, { ...HEADERS, authorization: 'Bearer wrong' }, {}],
    ['no token', WORK, {}, {}],
    ['a mark: it was relayed before', WORK, { ...HEADERS, 'sluice-relayed': '1' }, {}],
    ['an unknown session', WORK.replace('film-1', 'film-9'), HEADERS, {}],
    ['another namespace', WORK.replace('default', 'other'), HEADERS, {}],
    ['a path that is none of the work API', '/internal/v2/sessions/default/film-1/work', HEADERS, {}],
    ['a channel of this edge', WORK, HEADERS, { owners: routeOf().owners }],
    ['an owner that is no pod', WORK, HEADERS, { owners: [{ podName: 'x', podUid: 'x', address: 'evil.example:80' }] }],
  ])('stays here with %s', async (_what, path, headers, change) => {
    routes.apply(foreign({ session: SESSION, ...change }));
    expect(await edge.ask(path, { headers })).toMatchObject({ status: 401, text: 'local' });
    expect(asked).toEqual([]);
  });

  test('is refused with the time to come again where the owner cannot be reached', async () => {
    const owners = [{ podName: 'gone', podUid: 'gone', address: '127.0.0.1:1' }];
    routes.apply(foreign({ session: SESSION, owners }));
    const answer = await edge.ask(WORK, { headers: HEADERS });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(JSON.parse(answer.text)).toEqual({ error: { code: 'OWNER_UNREACHABLE', message: expect.any(String) } });
  });
});
