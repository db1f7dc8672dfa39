import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EdgePrograms, until } from './programs.ts';
import { ask, FILM, post, SamePlaylists, type Stage, sequenceOf } from './stage.ts';

const SOURCE = `${FILM}/source.m3u8`;
/** Several times as many as make a playlist a file. */
const VIEWERS = 40;

/** Viewers that an edge counts, as it tells Prometheus. */
async function countOf(edge: EdgePrograms): Promise<number> {
  const { text } = await ask(`http://${edge.address}:${edge.ports.operations}`, '/metrics');
  return Number(/^sluice_edge_viewers\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function pollAs(edge: EdgePrograms, name: string, count: number): Promise<void> {
  const polls = Array.from({ length: count }, (_, index) => ask(edge.url, `${SOURCE}?session=${name}-${index}`));
  for (const { status, text } of await Promise.all(polls)) assert.equal(status, 200, text);
}

/**
 * Waits until nginx answers by itself: with the sidecar stopped there is nobody else. Its answer is the sidecar's own.
 */
async function nginxAnswers(edge: EdgePrograms): Promise<void> {
  const [sidecar] = edge.pids;
  await until('nginx sends the playlist', 60, async () => {
    await pollAs(edge, 'crowd', VIEWERS);
    const before = await ask(edge.url, `${SOURCE}?session=crowd-0&sidecar`);
    process.kill(sidecar, 'SIGSTOP');
    try {
      const answer = await ask(edge.url, `${SOURCE}?session=crowd-0`, { signal: AbortSignal.timeout(1_000) });
      // The channel may have gone on between the two.
      if (answer.text !== before.text) return false;
      const { date: _one, ...headers } = answer.headers;
      const { date: _other, ...others } = before.headers;
      assert.deepEqual(headers, others);
      return true;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return false;
    } finally {
      process.kill(sidecar, 'SIGCONT');
    }
  });
}

/** A crowd gets its playlists from nginx, the same ones, and each of its viewers is counted, and nobody else. */
export async function crowd({ owner, other }: Stage): Promise<string> {
  await nginxAnswers(other);
  const strangers = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' };
  await ask(other.url, `${SOURCE}?session=bot`, { headers: strangers });
  await ask(other.url, `${SOURCE}?session=prefetch`, { headers: { 'sec-purpose': 'prefetch' } });
  await ask(other.url, `${SOURCE}?session=head`, { method: 'HEAD' });
  await until('all are counted', 60, async () => {
    for (const name of ['crowd', 'new']) await pollAs(other, name, VIEWERS);
    await sleep(300);
    return (await countOf(other)) === 2 * VIEWERS;
  });
  await pollAs(other, 'new', 1);
  assert.equal((await post(other.url, '/api/stream/leave', { channelId: 'film', sessionId: 'new-0' })).status, 204);
  await sleep(500);
  assert.ok((await countOf(other)) < 2 * VIEWERS, 'who has said goodbye does not come back by an earlier poll');
  const same = new SamePlaylists();
  /** By edge: one may hear of a segment, or write its file, a moment after the other. */
  const last = new Map<EdgePrograms, number>();
  for (let round = 0; round < 40 || (same.size <= 2 && round < 400); round += 1) {
    for (const edge of [other, owner]) {
      const { status, text } = await ask(edge.url, `${SOURCE}?session=crowd-${round % VIEWERS}`);
      assert.equal(status, 200, text);
      same.add('source', text);
      const before = last.get(edge) ?? 0;
      assert.ok(sequenceOf(text) >= before, `round ${round} went back from ${before} to ${sequenceOf(text)}`);
      last.set(edge, sequenceOf(text));
    }
    await sleep(150);
  }
  assert.ok(same.size > 2, 'the playlist goes on');
  const load = await other.operator.waitFor('load', ({ requestsPerSecond }) => (requestsPerSecond ?? 0) > 1);
  assert.equal((await ask(other.url, '/.status')).text.includes('requests'), true, 'its own pod may ask');
  return `${same.size} playlists, by nginx and by the owner, at ${load.requestsPerSecond?.toFixed(1)} requests/s`;
}
