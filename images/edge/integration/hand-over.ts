import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgePrograms } from './programs.ts';
import { until } from './programs.ts';
import { ask, FILM, SamePlaylists, type Stage, sequenceOf, urisOf } from './stage.ts';

const PLAYLIST = `${FILM}/source.m3u8?session=anna`;
/** How long the edge serves on that leaves, in seconds: several segments. */
const SERVES_ON_SECONDS = 5;

/** Number of the source's segment in the name of a stored one. */
const NAMED_NUMBER = /\/(\d+)\.\d+\.ts$/;

/**
 * Polls edges as players do, only faster, and keeps what each number was listed as, and when first anywhere. A poll may come
 * late on a busy machine, and find several new numbers at once: what counts is that none is left out, not that each had a
 * playlist to end with.
 */
class Watch {
  readonly same = new SamePlaylists();
  /** In ms, by number. */
  readonly listedAt = new Map<number, number>();
  /** By number. */
  readonly uris = new Map<number, string>();
  newest = '';

  async poll(edges: readonly EdgePrograms[]): Promise<void> {
    for (const edge of edges) {
      const { status, text } = await ask(edge.url, PLAYLIST);
      assert.equal(status, 200, text);
      assert.ok(!text.includes('DISCONTINUITY\n'), text);
      this.same.add('source', text);
      assert.ok(!text.includes('#EXT-X-GAP'), text);
      for (const [index, uri] of urisOf(text).entries()) this.#listed(sequenceOf(text) + index, uri);
      this.newest = text;
    }
    await sleep(50);
  }

  #listed(number: number, uri: string): void {
    assert.equal(uri, this.uris.get(number) ?? uri, `two segments ${number}`);
    if (!this.listedAt.has(number)) this.listedAt.set(number, performance.now());
    this.uris.set(number, uri);
  }

  /** Nothing of the source is left out, and nothing comes twice. @throws AssertionError */
  assertWhole(): void {
    const listed = [...this.uris].sort(([one], [two]) => one - two);
    const [[firstNumber, firstUri] = [0, '']] = listed;
    const first = Number(NAMED_NUMBER.exec(firstUri)?.[1]);
    assert.deepEqual(
      listed.map(([number, uri]) => [number, Number(NAMED_NUMBER.exec(uri)?.[1])]),
      listed.map((_, index) => [firstNumber + index, first + index]),
    );
  }

  /** The longest time from one number to the next, in seconds. */
  get longestGap(): number {
    const times = [...this.listedAt].sort(([one], [two]) => one - two).map(([, at]) => at);
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at))) / 1000;
  }
}

/** An owner leaves, without an operator that names another: its successor goes on while it still serves, as if nothing was. */
export async function leavingOwner({ owner, other, third, source, route }: Stage): Promise<string> {
  const watch = new Watch();
  const edges = [owner, other, third];
  for (let poll = 0; poll < 60; poll += 1) await watch.poll(edges);
  source.requests.length = 0;
  const startedAt = performance.now();
  let exitCode: number | null = null;
  const leaving = owner.leave(SERVES_ON_SECONDS).then((code) => {
    exitCode = code;
  });
  // On a busy machine the first successor may answer too late: then the second one goes on.
  const goesOn = ({ operator }: EdgePrograms): boolean =>
    operator.received.some((told) => told.type === 'report' && told.report.ownerTerm > route.ownerTerm);
  await until('a successor is the owner', 30, () => [other, third].some(goesOn));
  const seconds = (performance.now() - startedAt) / 1000;
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
  await until('the successor goes on alone', 60, async () => {
    await watch.poll([other, third]);
    return sequenceOf(watch.newest) > before + 2;
  });
  for (const uri of urisOf(watch.newest)) assert.equal((await ask(other.url, `${FILM}/${uri}`)).status, 200, uri);
  watch.assertWhole();
  const gap = `longest gap between two segments ${watch.longestGap.toFixed(2)} s`;
  return `handed over in ${seconds.toFixed(2)} s, ${watch.same.size} playlists, ${gap} (target duration 2 s)`;
}
