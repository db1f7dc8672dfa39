import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Route } from '@sluice/common/link/route.ts';
import { WebSocket } from 'ws';
import { REPLICATION_PATH } from '../../src/replication/messages.ts';
import { replicationToken } from '../../src/replication/token.ts';
import { type EdgePrograms, type LinkFolder, until } from '../programs.ts';
import { ask, FILM } from '../stage.ts';

/**
 * Reads all that an edge gives to one that has every key of an edge: its timelines and reports, its word about owners, and
 * what everybody may see. The request headers of its channels' sources are nowhere in it. @returns bytes that were read
 */
export async function readAsAnEdge(edge: EdgePrograms, link: LinkFolder, route: Route): Promise<number> {
  const secrets = Object.values(route.source.headers);
  assert.ok(secrets.length > 0, 'there is something to find');
  const authorization = `Bearer ${replicationToken(link.keys.edge.sessionKey, edge.podUid)}`;
  const inside = `http://${edge.address}:${edge.ports.internal}`;
  const seen: string[] = [];
  const socket = new WebSocket(`ws://${edge.address}:${edge.ports.internal}${REPLICATION_PATH}`, {
    headers: { authorization },
  });
  socket.on('message', (data) => seen.push(String(data)));
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe', uid: route.uid, term: route.ownerTerm, have: null }));
  for (const type of ['report', 'update']) {
    await until(`the edge sends its ${type}`, 30, () => seen.some((text) => text.includes(`"type":"${type}"`)));
  }
  socket.terminate();
  const claim = JSON.stringify({ owners: route.owners, term: route.ownerTerm, away: false });
  const owners = await ask(inside, `/internal/v1/owners/${route.uid}`, {
    method: 'POST',
    headers: { authorization },
    body: claim,
  });
  assert.equal(owners.status, 200, owners.text);
  const operations = `http://${edge.address}:${edge.ports.operations}`;
  const answers = await Promise.all([
    ask(edge.url, `${FILM}/index.m3u8`),
    ask(edge.url, `${FILM}/source.m3u8`),
    ask(edge.url, '/api/streams'),
    ask(edge.url, '/api/stream/default/film/status'),
    ask(operations, '/metrics'),
  ]);
  seen.push(owners.text, ...answers.map(({ text, headers }) => text + JSON.stringify(headers)));
  for (const text of seen) for (const secret of secrets) assert.ok(!text.includes(secret), `a secret: ${text}`);
  for (const secret of secrets) assert.ok(!edge.log.includes(secret), 'a secret stands in the log');
  return seen.join('').length;
}
