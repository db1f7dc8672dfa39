import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Route } from '@sluice/common/link/messages.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { SourceServer } from '../src/testing/source-server.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from './programs.ts';

const FILM = '/live/default/film';
const TOKEN = 'token-of-the-session';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

/** Two real edges, the first of which owns the channel, and its source. */
interface Stage {
  readonly owner: EdgePrograms;
  readonly other: EdgePrograms;
  readonly source: SourceServer;
  readonly route: Route;
}

interface Ask {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

async function ask(base: string, path: string, options: Ask = {}): Promise<Answer> {
  const answer = await request(`${base}${path}`, options);
  const body = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, body, text: body.toString('utf8') };
}

function post(base: string, path: string, body: object): Promise<Answer> {
  return ask(base, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

function refused(answer: Answer, code: string): void {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  const { error } = JSON.parse(answer.text);
  assert.equal(error.code, code);
  assert.equal(typeof error.message, 'string');
}

/** Starts two edges and names the first one owner on both. */
export async function withTwoEdges(link: LinkFolder, run: (stage: Stage) => Promise<string>): Promise<string> {
  const source = new SourceServer({ now: Date.now });
  await source.listen();
  const ports = await freePorts();
  const edges = [
    await EdgePrograms.start('127.0.60.1', ports, link),
    await EdgePrograms.start('127.0.60.2', ports, link),
  ];
  const [owner, other] = edges as [EdgePrograms, EdgePrograms];
  try {
    const route = testRoute(source.url, {
      mode: 'Proxy',
      owners: [owner.owner, other.owner],
      ownerTerm: 1,
      session: {
        name: 'film-1',
        uid: 'session-uid',
        tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
        rungs: ['360p'],
      },
    });
    for (const edge of edges) edge.snapshot([route]);
    await until('the owner publishes', 15, async () => (await ask(owner.url, `${FILM}/source.m3u8`)).status === 200);
    return await run({ owner, other, source, route });
  } catch (error) {
    for (const edge of edges) process.stdout.write(edge.log);
    throw error;
  } finally {
    await Promise.all(edges.map((edge) => edge.stop()));
    await source.close();
  }
}

/** The same playlists and bytes from both, one source client, headers once, and viewers counted at the owner alone. */
export async function oneChannel({ owner, other, source }: Stage): Promise<string> {
  const multivariant = await ask(other.url, `${FILM}/index.m3u8?session=anna`);
  assert.match(multivariant.text, /source\.m3u8\?session=anna/);
  assert.equal(multivariant.headers['cache-control'], 'no-store', "one header, the owner's");
  assert.equal(multivariant.headers['access-control-allow-origin'], '*');
  assert.equal(multivariant.headers['sluice-owner'], undefined, 'nobody learns where the owner is');
  const edges = [owner, other];
  let last = -1;
  for (let poll = 0; poll < 10; poll += 1) {
    const { text } = await ask(edges[poll % 2]?.url ?? '', `${FILM}/source.m3u8?session=anna`);
    const msn = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
    assert.ok(msn >= last, `poll ${poll} went back from ${last} to ${msn}`);
    last = msn;
    await sleep(100);
  }
  const { text } = await ask(other.url, `${FILM}/360p.m3u8`);
  const uri = text.split('\n').find((line) => line.startsWith('s/')) ?? 'none';
  const before = source.requests.length;
  const [here, there] = [await ask(owner.url, `${FILM}/${uri}`), await ask(other.url, `${FILM}/${uri}`)];
  assert.equal(there.status, 200);
  assert.ok(there.body.length > 1000 && there.body.equals(here.body), 'the same bytes');
  assert.equal(there.headers['cache-control'], here.headers['cache-control']);
  assert.equal(there.headers['content-type'], 'video/mp2t');
  const part = await ask(other.url, `${FILM}/${uri}`, { headers: { range: 'bytes=188-375' } });
  assert.deepEqual([part.status, part.body.length], [206, 188]);
  const head = await ask(other.url, `${FILM}/${uri}`, { method: 'HEAD' });
  assert.deepEqual([head.status, Number(head.headers['content-length'])], [200, here.body.length]);
  assert.equal(source.requests.slice(before).filter((path) => path.endsWith('.ts')).length, 0);
  assert.equal((await ask(other.url, `${FILM}/s/11112222.1/source/999999.0.ts`)).status, 404);
  assert.equal((await ask(other.url, '/live/default/news/index.m3u8')).status, 404);
  return `${here.body.length} bytes of a segment by way of the other edge`;
}

/** Heartbeat, status, events and leave mean the same at either edge. */
export async function oneAudience({ owner, other }: Stage): Promise<string> {
  const countAt = async (edge: EdgePrograms): Promise<number> =>
    JSON.parse((await ask(edge.url, '/api/stream/default/film/status')).text).viewerCount;
  const before = await countAt(owner);
  const beat = await post(other.url, '/api/stream/heartbeat', { channelId: 'film', sessionId: 'bert' });
  assert.equal(beat.status, 200, beat.text);
  assert.equal(JSON.parse(beat.text).viewerCount, before + 1);
  await post(owner.url, '/api/stream/heartbeat', { channelId: 'film', sessionId: 'bert' });
  assert.deepEqual([await countAt(owner), await countAt(other)], [before + 1, before + 1], 'one id is one viewer');
  const events = await request(`${other.url}/api/stream/film/events`);
  assert.equal(events.headers['content-type'], 'text/event-stream');
  const heard: string[] = [];
  const reading = (async () => {
    for await (const chunk of events.body) heard.push(String(chunk));
  })().catch(() => undefined);
  await until('the first events come unbuffered', 5, () => heard.join('').includes('event: health'));
  await post(other.url, '/api/stream/heartbeat', { channelId: 'film', sessionId: 'carl' });
  await until('a change comes', 5, () => heard.join('').includes(`"viewerCount":${before + 2}`));
  for (const sessionId of ['bert', 'carl']) {
    assert.equal((await post(other.url, '/api/stream/leave', { channelId: 'film', sessionId })).status, 204);
  }
  assert.equal(await countAt(owner), before);
  events.body.destroy();
  await reading;
  assert.equal((await post(other.url, '/api/stream/heartbeat', { channelId: 'film' })).status, 400);
  const list = JSON.parse((await ask(other.url, '/api/streams')).text);
  assert.ok(Array.isArray(list.streams));
  return '';
}

/** Nothing that a viewer writes chooses a target, marks a request, or makes two edges ask each other. */
export async function noForgery({ owner, other, route }: Stage): Promise<string> {
  let contacts = 0;
  const stranger = createHttpServer((_request, response) => {
    contacts += 1;
    response.end('stranger');
  }).listen(0, '127.0.60.9');
  await once(stranger, 'listening');
  const target = `127.0.60.9:${(stranger.address() as AddressInfo).port}`;
  try {
    const forged = {
      'sluice-owner': target,
      'x-accel-redirect': '@relay',
      'sluice-relayed': '1',
      host: target,
      'x-forwarded-host': target,
    };
    for (const path of [`${FILM}/source.m3u8`, `/api/stream/film/status?owner=${target}`]) {
      const answer = await ask(other.url, path, { headers: forged });
      assert.equal(answer.status, 200, 'a forged mark changes nothing');
      assert.notEqual(answer.text, 'stranger');
    }
    for (const path of ['/@relay', '/%40relay', '/.error/owner']) {
      assert.equal((await ask(other.url, path, { headers: forged })).status, 404);
    }
    assert.equal(contacts, 0);
    // Each takes the other for the owner, as during a change of owner: the second one says no.
    owner.operator.send({ type: 'route', route: { ...route, owners: [other.owner] } });
    await until('the owner lets go', 5, async () => (await ask(owner.url, `${FILM}/source.m3u8`)).status === 503);
    refused(await ask(other.url, `${FILM}/source.m3u8`), 'OWNER_UNREACHABLE');
    refused(await ask(owner.url, '/api/stream/film/status'), 'OWNER_UNREACHABLE');
    // A channel that only the relaying edge knows is on its way to the other.
    owner.operator.send({ type: 'remove', uid: route.uid });
    await until('the owner forgets', 5, async () => (await ask(owner.url, `${FILM}/source.m3u8`)).status === 404);
    refused(await ask(other.url, `${FILM}/source.m3u8`), 'OWNER_UNREACHABLE');
    owner.operator.send({ type: 'route', route });
    await until('all is well', 15, async () => (await ask(other.url, `${FILM}/source.m3u8`)).status === 200);
  } finally {
    stranger.close();
  }
  return '';
}

/** The agents of a session reach the owner by way of either edge, if they hold the token. */
export async function work({ owner, other }: Stage): Promise<string> {
  const base = (edge: EdgePrograms): string => `http://${edge.address}:${edge.ports.internal}`;
  const path = '/internal/v1/sessions/default/film-1';
  const headers = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '1', 'content-type': 'application/json' };
  const there = await ask(base(other), `${path}/work?epoch=0&after=-1`, { headers });
  assert.equal(there.status, 200, there.text);
  const { epoch, segments } = JSON.parse(there.text);
  assert.ok(segments.length > 0);
  const source = `${path}/source/${epoch}/${segments[0].msn}`;
  const bytes = await ask(base(other), source, { headers });
  assert.ok(bytes.body.length > 1000 && bytes.body.equals((await ask(base(owner), source, { headers })).body));
  const upload = { method: 'PUT', headers: { ...headers, 'content-type': 'video/mp2t' }, body: 'no segment' } as const;
  const broken = await ask(base(other), `${path}/segments/${epoch}/360p/${segments.at(-1).msn + 1}`, upload);
  assert.ok([404, 422].includes(broken.status), `the owner judges uploads: ${broken.text}`);
  const stranger = { ...headers, authorization: 'Bearer wrong' };
  assert.equal((await ask(base(other), source, { headers: stranger })).status, 401);
  assert.equal((await ask(base(other), `${path}2/work?epoch=0&after=-1`, { headers })).status, 401);
  assert.equal((await ask(base(other), source, { headers: { ...headers, 'sluice-relayed': '1' } })).status, 401);
  return `${bytes.body.length} bytes of work, ${await handOver(other, path, headers, segments.at(-1).msn)}`;
}

/** Waits by way of `edge` for the next source segment, as an agent does, and hands it back as that of a rung. */
async function handOver(edge: EdgePrograms, path: string, headers: Record<string, string>, after: number) {
  const base = `http://${edge.address}:${edge.ports.internal}${path}`;
  const next = await ask(base, `/work?epoch=1&after=${after}`, { headers });
  const [segment] = JSON.parse(next.text).segments;
  assert.ok(segment !== undefined, next.text);
  const source = await ask(base, `/source/1/${segment.msn}`, { headers });
  const startedAt = performance.now();
  const stored = await request(`${base}/segments/1/360p/${segment.msn}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'video/mp2t' },
    body: source.body,
  });
  assert.equal(stored.statusCode, 201, await stored.body.text());
  return `a segment stored in ${(performance.now() - startedAt).toFixed(0)} ms`;
}

/** An owner that is gone, and one that takes connections and says nothing: an error in bounded time. */
export async function goneOwner({ owner, other, route }: Stage): Promise<string> {
  const events = await request(`${other.url}/api/stream/film/events`);
  events.body.on('error', () => undefined);
  await owner.stop('SIGKILL');
  const startedAt = performance.now();
  refused(await ask(other.url, `${FILM}/source.m3u8`), 'OWNER_UNREACHABLE');
  refused(
    await post(other.url, '/api/stream/heartbeat', { channelId: 'film', sessionId: 'anna' }),
    'OWNER_UNREACHABLE',
  );
  const refusedMs = performance.now() - startedAt;
  assert.ok(refusedMs < 3_000, `${refusedMs} ms`);
  const mute = createServer(() => undefined).listen(other.ports.relay, '127.0.60.3');
  await once(mute, 'listening');
  try {
    const owners = [{ podName: 'mute', podUid: 'mute', address: `127.0.60.3:${other.ports.internal}` }];
    other.operator.send({ type: 'route', route: { ...route, owners } });
    await sleep(200);
    const waitedFrom = performance.now();
    refused(await ask(other.url, `${FILM}/source.m3u8`), 'OWNER_UNREACHABLE');
    const waitedMs = performance.now() - waitedFrom;
    assert.ok(waitedMs < 20_000, `${waitedMs} ms`);
    // The edge that was asked takes over as soon as a route says so.
    other.operator.send({ type: 'route', route: { ...route, owners: [other.owner], ownerTerm: 2 } });
    await until(
      'the successor publishes',
      15,
      async () => (await ask(other.url, `${FILM}/source.m3u8`)).status === 200,
    );
    return `no owner: ${refusedMs.toFixed(0)} ms for two answers; a silent one: ${(waitedMs / 1000).toFixed(1)} s`;
  } finally {
    mute.close();
  }
}
