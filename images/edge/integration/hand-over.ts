import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgePrograms } from './programs.ts';
import { until } from './programs.ts';
import { ask, FILM, SamePlaylists, type Stage, sequenceOf, urisOf } from './stage.ts';

const PLAYLIST = `${FILM}/source.m3u8?session=anna`;
/** How long the edge serves on that leaves, in seconds: several segments. */
const SERVES_ON_SECONDS = 5;

/** Polls edges as players do, only faster, and keeps when each number was listed first anywhere. */
class Watch {
  readonly same = new SamePlaylists();
  /** In ms, by number. */
  readonly listedAt = new Map<number, number>();
  newest = '';

  async poll(edges: readonly EdgePrograms[]): Promise<void> {
    for (const edge of edges) {
      const { status, text } = await ask(edge.url, PLAYLIST);
      assert.equal(status, 200, text);
      assert.ok(!text.includes('DISCONTINUITY\n'), text);
      this.same.add('source', text);
      const end = sequenceOf(text) + urisOf(text).length;
      if (!this.listedAt.has(end)) this.listedAt.set(end, performance.now());
      this.newest = text;
    }
    await sleep(50);
  }

  /** The longest time from one number to the next, in seconds. */
  get longestGap(): number {
    const times = [...this.listedAt].sort(([one], [two]) => one - two).map(([, at]) => at);
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at))) / 1000;
  }
}

/** An owner leaves, without an operator that names another: its successor goes on while it still serves, as if nothing was. */
export async function leavingOwner({ owner, other, third, source }: Stage): Promise<string> {
  const watch = new Watch();
  const edges = [owner, other, third];
  for (let poll = 0; poll < 60; poll += 1) await watch.poll(edges);
  source.requests.length = 0;
  const startedAt = performance.now();
  let exitCode: number | null = null;
  const leaving = owner.leave(SERVES_ON_SECONDS).then((code) => {
    exitCode = code;
  });
  const { report } = await other.operator.waitFor('report', ({ report: told }) => told.ownerTerm === 2);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.equal(report.activeMode, 'Proxy');
  await owner.operator.waitFor('leaving');
  assert.equal((await ask(`http://${owner.address}:${owner.ports.operations}`, '/readyz')).status, 503);
  // The edge that leaves serves all the while.
  while (exitCode === null) await watch.poll(edges);
  await leaving;
  assert.equal(exitCode, 0);
  for (const uri of urisOf(watch.newest)) assert.equal((await ask(owner.url, `${FILM}/${uri}`)).status, 200, uri);
  const polls = source.requests.filter((path) => path.endsWith('.m3u8')).length;
  assert.ok(polls <= (performance.now() - startedAt) / 1000 + 4, `${polls} polls: the source sees one client`);
  let stopped = false;
  const stopping = owner.stop('SIGQUIT').then(() => {
    stopped = true;
  });
  while (!stopped) await watch.poll([other, third]);
  await stopping;
  const before = sequenceOf(watch.newest);
  await until('the successor goes on alone', 30, async () => {
    await watch.poll([other, third]);
    return sequenceOf(watch.newest) > before + 2;
  });
  for (const uri of urisOf(watch.newest)) assert.equal((await ask(other.url, `${FILM}/${uri}`)).status, 200, uri);
  const gap = `longest gap between two segments ${watch.longestGap.toFixed(2)} s`;
  return `handed over in ${seconds.toFixed(2)} s, ${watch.same.size} playlists, ${gap} (target duration 2 s)`;
}
