import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { SourceServer } from '../src/testing/source-server.ts';
import { type EdgePrograms, until } from './programs.ts';
import { ask, FILM, post, SamePlaylists, type Stage, sequenceOf, TOKEN, urisOf } from './stage.ts';

/** The same playlists and bytes from all, one source client, and each segment between edges once. */
export async function oneChannel({ owner, other, third, source }: Stage): Promise<string> {
  const edges = [owner, other, third];
  const multivariants = await Promise.all(edges.map((edge) => ask(edge.url, `${FILM}/index.m3u8?session=anna`)));
  for (const { text, headers } of multivariants) {
    assert.equal(text, multivariants[0]?.text);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['access-control-allow-origin'], '*');
  }
  const polls = () => source.requests.filter((path) => path.endsWith('.m3u8')).length;
  const [pollsBefore, startedAt] = [polls(), performance.now()];
  const same = new SamePlaylists();
  let last = -1;
  for (let poll = 0; poll < 60; poll += 1) {
    const rung = poll % 2 === 0 ? 'source' : '360p';
    const { text, status } = await ask(edges[poll % 3]?.url ?? '', `${FILM}/${rung}.m3u8?session=anna`);
    assert.equal(status, 200, text);
    same.add(rung, text);
    assert.ok(sequenceOf(text) >= last, `poll ${poll} went back from ${last} to ${sequenceOf(text)}`);
    last = sequenceOf(text);
    await sleep(100);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(polls() - pollsBefore <= seconds + 3, 'the source sees the polls of one client');
  const facts = await oneSegment(edges, source);
  assert.equal((await ask(other.url, `${FILM}/s/11112222.1/source/999999.0.ts`)).status, 404);
  assert.equal((await ask(other.url, '/live/default/news/index.m3u8')).status, 404);
  return `${same.size} playlists of ${edges.length} edges, ${facts}`;
}

/** A segment nobody has asked for: twenty viewers of each edge get the same bytes, and the owner sends it once to each. */
async function oneSegment(edges: readonly EdgePrograms[], source: SourceServer): Promise<string> {
  const [owner, other] = edges;
  assert.ok(owner !== undefined && other !== undefined);
  const uri = urisOf((await ask(other.url, `${FILM}/360p.m3u8`)).text)[0] ?? 'none';
  const before = source.segmentRequests();
  const here = await ask(owner.url, `${FILM}/${uri}`);
  const asked = edges.flatMap((edge) => Array.from({ length: 20 }, () => ask(edge.url, `${FILM}/${uri}`)));
  for (const there of await Promise.all(asked)) {
    assert.equal(there.status, 200, there.text.slice(0, 300));
    assert.ok(there.body.length > 1000 && there.body.equals(here.body), 'the same bytes');
    for (const name of ['cache-control', 'content-type', 'access-control-allow-origin']) {
      assert.equal(there.headers[name], here.headers[name], name);
    }
  }
  const part = await ask(other.url, `${FILM}/${uri}`, { headers: { range: 'bytes=188-375' } });
  assert.deepEqual([part.status, part.body.length], [206, 188]);
  const first = urisOf((await ask(other.url, `${FILM}/source.m3u8`)).text)[1] ?? 'none';
  const head = await ask(other.url, `${FILM}/${first}`, { method: 'HEAD' });
  assert.deepEqual([head.status, Number(head.headers['content-length']) > 1000], [200, true]);
  const again = [...source.segmentRequests()].filter(([path, count]) => count > (before.get(path) ?? 1));
  assert.deepEqual(again, [], 'viewers make no requests at the source');
  const metrics = await ask(`http://${other.address}:${other.ports.operations}`, '/metrics');
  const fetched = Number(/^sluice_edge_fetched_total (\d+)/m.exec(metrics.text)?.[1]);
  assert.ok(fetched > 0 && fetched < 60, `the other edge fetched ${fetched} segments`);
  return `${here.body.length} bytes of a segment, ${fetched} fetched by the second edge`;
}

/** Heartbeat, status, events and leave work at any edge, and each edge tells the operator of its own viewers. */
export async function oneAudience({ owner, other, route }: Stage): Promise<string> {
  const statusAt = async (edge: EdgePrograms) =>
    JSON.parse((await ask(edge.url, '/api/stream/default/film/status')).text);
  await until('health is known everywhere', 60, async () => (await statusAt(other)).health === 'healthy');
  const beat = await post(other.url, '/api/stream/heartbeat', { channelId: 'film', sessionId: 'bert' });
  assert.equal(beat.status, 200, beat.text);
  assert.equal(JSON.parse(beat.text).viewerCount, 1);
  const joined = await other.operator.waitFor('viewers', (message) => !message.snapshot && message.joined.length === 1);
  assert.equal(joined.uid, route.uid);
  for (const edge of [owner, other]) {
    edge.operator.send({
      type: 'audience',
      audience: { uid: route.uid, viewers: 7, peak: 9, state: 'known', mode: 'Proxy', reason: 'seven viewers' },
    });
    await until('the count of all edges is shown', 60, async () => (await statusAt(edge)).viewerCount === 7);
  }
  await ask(other.url, `${FILM}/source.m3u8?session=bert`);
  await until('both say the same', 60, async () => {
    const shown = await Promise.all([statusAt(owner), statusAt(other)]);
    return JSON.stringify(shown[0]) === JSON.stringify(shown[1]);
  });
  const events = await request(`${other.url}/api/stream/film/events`);
  assert.equal(events.headers['content-type'], 'text/event-stream');
  const heard: string[] = [];
  const reading = (async () => {
    for await (const chunk of events.body) heard.push(String(chunk));
  })().catch(() => undefined);
  await until('the first events come unbuffered', 60, () => heard.join('').includes('event: health'));
  other.operator.send({
    type: 'audience',
    audience: { uid: route.uid, viewers: 8, peak: 9, state: 'known', mode: 'Proxy', reason: 'eight viewers' },
  });
  await until('a change comes', 60, () => heard.join('').includes('"viewerCount":8'));
  const left = await post(other.url, '/api/stream/leave', { channelId: 'film', sessionId: 'bert' });
  assert.equal(left.status, 204);
  await other.operator.waitFor('viewers', (message) => message.left.length > 0);
  events.body.destroy();
  await reading;
  assert.equal((await post(other.url, '/api/stream/heartbeat', { channelId: 'film' })).status, 400);
  const { streams } = JSON.parse((await ask(other.url, '/api/streams')).text);
  assert.equal(streams[0]?.health, 'healthy');
  return '';
}

/** What edges say to each other is for edges alone, and no request makes one edge ask another for long. */
export async function noStrangers({ owner, other }: Stage): Promise<string> {
  const internal = `http://${owner.address}:${owner.ports.internal}`;
  const uri = urisOf((await ask(owner.url, `${FILM}/source.m3u8`)).text)[0] ?? 'none';
  const media = `/internal/v1/media/11112222-3333-4444-5555-666677778888/${uri}`;
  for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
    assert.equal((await ask(internal, media, { headers })).status, 401);
  }
  for (const path of [media, '/internal/v1/timelines', '/x-accel-redirect', '/@sidecar']) {
    assert.equal((await ask(owner.url, path)).status, 404);
  }
  const forged = { 'x-accel-redirect': '/healthz', 'sluice-relayed': '1', host: '127.0.60.9' };
  const answer = await ask(other.url, `${FILM}/source.m3u8`, { headers: forged });
  assert.equal(answer.status, 200, answer.text);
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
  const broken = await ask(base(other), `${path}/segments/${epoch}/360p/${segments.at(-1).msn + 1_000}`, upload);
  assert.ok([404, 422].includes(broken.status), `the owner judges uploads: ${broken.text}`);
  const stranger = { ...headers, authorization: 'Bearer wrong' };
  assert.equal((await ask(base(other), source, { headers: stranger })).status, 401);
  assert.equal((await ask(base(other), `${path}2/work?epoch=0&after=-1`, { headers })).status, 401);
  assert.equal((await ask(base(other), source, { headers: { ...headers, 'sluice-relayed': '1' } })).status, 401);
  return `${bytes.body.length} bytes of work, ${await handOver(other, path, headers, segments.at(-1).msn)}`;
}

/**
 * Waits by way of `edge` for the next source segment, as an agent does, and hands it back as that of a rung. A busy machine
 * may come too late with it: then the next one.
 */
async function handOver(edge: EdgePrograms, path: string, headers: Record<string, string>, after: number) {
  const base = `http://${edge.address}:${edge.ports.internal}${path}`;
  let position = after;
  let milliseconds = 0;
  await until('a segment of a rung is stored in its time', 60, async () => {
    const next = await ask(base, `/work?epoch=1&after=${position}`, { headers });
    const segment = JSON.parse(next.text).segments?.at(-1);
    if (segment === undefined) return false;
    position = segment.msn;
    const { body } = await ask(base, `/source/1/${segment.msn}`, { headers });
    const startedAt = performance.now();
    const put = { method: 'PUT', headers: { ...headers, 'content-type': 'video/mp2t' }, body } as const;
    const stored = await ask(base, `/segments/1/360p/${segment.msn}`, put);
    milliseconds = performance.now() - startedAt;
    assert.ok([200, 201].includes(stored.status), stored.text);
    return stored.status === 201;
  });
  return `a segment stored in ${milliseconds.toFixed(0)} ms`;
}

/** A new owner while the old one goes on: the same timeline, without a break, and what it lists can be had from it. */
export async function newOwner({ owner, other, third, route }: Stage): Promise<string> {
  const edges = [owner, other, third];
  const same = new SamePlaylists();
  let problems = 0;
  const poll = async (): Promise<string> => {
    let text = '';
    for (const edge of edges) {
      const answer = await ask(edge.url, `${FILM}/source.m3u8?session=anna`);
      if (answer.status !== 200) problems += 1;
      else same.add('source', answer.text);
      text = answer.text;
    }
    return text;
  };
  await poll();
  await sleep(1_000);
  const before = sequenceOf(await poll());
  const owners = [other.owner, owner.owner, third.owner];
  for (const edge of edges) edge.operator.send({ type: 'route', route: { ...route, owners, ownerTerm: 2 } });
  let text = '';
  await until('the new owner goes on', 60, async () => {
    text = await poll();
    return sequenceOf(text) > before + 2;
  });
  assert.equal(problems, 0);
  assert.ok(!text.includes('DISCONTINUITY\n'), text);
  for (const uri of urisOf(text)) assert.equal((await ask(other.url, `${FILM}/${uri}`)).status, 200, uri);
  return `${same.size} playlists before and after`;
}

/** An owner that is killed, without an operator that says so: a successor goes on from its copy, everywhere. */
export async function goneOwner({ owner, other, third, source }: Stage): Promise<string> {
  for (const edge of [other, third]) await ask(edge.url, `${FILM}/source.m3u8?session=anna`);
  await sleep(3_000);
  const endOf = (text: string): number => sequenceOf(text) + urisOf(text).length;
  const listedBy = async (edge: EdgePrograms) => (await ask(edge.url, `${FILM}/source.m3u8?session=anna`)).text;
  let before = await listedBy(other);
  // Right behind a segment that both have: the next one, which only the owner would have, is far off.
  const end = endOf(before);
  await until('both have a new segment', 60, async () => {
    before = await listedBy(third);
    const ends = [endOf(before), endOf(await listedBy(other))];
    const newest = urisOf(before).at(-1) ?? 'none';
    const got = await Promise.all([other, third].map((edge) => ask(edge.url, `${FILM}/${newest}`)));
    return ends.every((one) => one > end) && got.every(({ status }) => status === 200);
  });
  const listedAt = performance.now();
  await owner.stop('SIGKILL');
  const from = performance.now();
  let after = '';
  let longest = 0;
  let lateSeconds = Number.NaN;
  await until('a successor goes on', 60, async () => {
    const polled = performance.now();
    for (const edge of [other, third]) {
      const { status, text } = await ask(edge.url, `${FILM}/source.m3u8?session=anna`);
      assert.equal(status, 200, text);
      assert.ok(!text.includes('DISCONTINUITY\n'), text);
      const newest = urisOf(text).at(-1) ?? 'none';
      assert.equal((await ask(edge.url, `${FILM}/${newest}`)).status, 200, 'what was listed last is here');
      after = text;
    }
    longest = Math.max(longest, performance.now() - polled);
    if (Number.isNaN(lateSeconds) && endOf(after) > endOf(before))
      lateSeconds = (performance.now() - listedAt) / 1000 - source.targetDurationSeconds;
    return endOf(after) > endOf(before) + 2;
  });
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);
  const late = `the next segment ${lateSeconds.toFixed(1)} s later than the rhythm`;
  return `${late}, three segments further after ${seconds(performance.now() - from)} s, longest poll ${seconds(longest)} s`;
}
