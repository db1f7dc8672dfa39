import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { workSchema } from '@sluice/common/work/contract.ts';
import type { SourceServer } from '../src/testing/source-server.ts';
import type { EdgePrograms } from './programs.ts';
import { until } from './programs.ts';
import { ask, FILM, type Stage, sequenceOf, TOKEN, urisOf } from './stage.ts';

/** Stages of the channel's life that every edge must have shown this many playlists of, at the same numbers. */
const SHARED_PLAYLISTS = 3;

/**
 * Most connections of all edges to the source at a time, on a machine so slow that its answers take longer than requests wait
 * for each other: the owner's for a playlist and three segments, each of which may take the place of one that the source has
 * not seen end.
 */
const MOST_CONNECTIONS = 8;

/** TCP connections of a process to a port of this machine, as the kernel lists them. */
async function connectionsTo(port: number, pid: number): Promise<number> {
  const table = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = table.map((line) => line.trim().split(/\s+/)).filter((columns) => columns[2]?.endsWith(`:${hexPort}`));
  const inodes = new Set(rows.map((columns) => `socket:[${columns[9]}]`));
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')));
  return links.filter((target) => inodes.has(target)).length;
}

/** Everything that five edges show of a channel, by rung and numbers. */
class Shown {
  readonly #texts = new Map<string, { readonly text: string; readonly edges: Set<EdgePrograms> }>();
  readonly #newest = new Map<string, number>();

  add(edge: EdgePrograms, rung: string, text: string): void {
    const last = sequenceOf(text) + text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    const version = `${rung} ${sequenceOf(text)} to ${last}`;
    const shown = this.#texts.get(version) ?? { text, edges: new Set() };
    assert.equal(text, shown.text, `two playlists ${version}`);
    shown.edges.add(edge);
    this.#texts.set(version, shown);
    const key = `${edge.address} ${rung}`;
    assert.ok(last >= (this.#newest.get(key) ?? 0), `${key} went back to ${last}`);
    this.#newest.set(key, last);
  }

  /** Playlists that all of so many edges have shown. */
  sharedBy(edges: number): readonly string[] {
    return [...this.#texts.values()].filter((shown) => shown.edges.size === edges).map(({ text }) => text);
  }
}

/** A transcoder that hands each source segment back as its rung at once, by way of the edge `at`. */
async function handBack(at: EdgePrograms, signal: AbortSignal): Promise<void> {
  const base = `http://${at.address}:${at.ports.internal}/internal/v1/sessions/default/film-1`;
  const headers = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '1' };
  for (let position = { epoch: 0, after: -1 }; !signal.aborted; ) {
    const asked = await ask(base, `/work?epoch=${position.epoch}&after=${position.after}`, { headers, signal });
    if (asked.status !== 200) {
      await sleep(100, undefined, { signal });
      continue;
    }
    const { epoch, segments } = workSchema.parse(JSON.parse(asked.text));
    for (const { msn } of segments) {
      const { body } = await ask(base, `/source/${epoch}/${msn}`, { headers, signal });
      const put = { method: 'PUT', headers: { ...headers, 'content-type': 'video/mp2t' }, body, signal } as const;
      await ask(base, `/segments/${epoch}/360p/${msn}`, put);
    }
    position = { epoch, after: segments.at(-1)?.msn ?? position.after };
  }
}

/** The last line of a media playlist: what viewers get of its newest segment. */
const newestOf = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

/**
 * Five edges, one of which speaks with the source, by one connection: through Proxy, a switch to Transcode, back, to Direct, and
 * back.
 */
export async function fiveEdges({ edges, owner, source, route }: Stage): Promise<string> {
  const shown = new Shown();
  const sourcePort = Number(new URL(source.url).port);
  const followers = edges.filter((edge) => edge !== owner);
  let ownerConnections = 0;
  const pollAll = async (): Promise<string> => {
    let newest = '';
    await Promise.all(
      edges.flatMap((edge) =>
        ['source', '360p'].map(async (rung) => {
          const { status, text } = await ask(edge.url, `${FILM}/${rung}.m3u8?session=anna`);
          assert.equal(status, 200, text);
          shown.add(edge, rung, text);
          if (edge === edges.at(-1) && rung === '360p') newest = newestOf(text);
        }),
      ),
    );
    for (const edge of followers) assert.equal(await connectionsTo(sourcePort, edge.pids[0]), 0, edge.address);
    ownerConnections = Math.max(ownerConnections, await connectionsTo(sourcePort, owner.pids[0]));
    return newest;
  };
  const sharedOf = (pattern: RegExp): number =>
    shown.sharedBy(edges.length).filter((text) => pattern.test(urisOf(text).at(-1) ?? '')).length;
  const isShared = async (pattern: RegExp): Promise<boolean> => {
    await pollAll();
    return sharedOf(pattern) >= SHARED_PLAYLISTS;
  };
  const switchTo = (mode: 'Direct' | 'Proxy' | 'Transcode'): void => {
    for (const edge of edges) edge.operator.send({ type: 'route', route: { ...route, mode } });
  };
  const looksAt = (): number => source.requests.filter((path) => path.endsWith('.m3u8')).length;
  const [looksBefore, startedAt] = [looksAt(), performance.now()];
  await until('all have shown the same in Proxy', 60, () => isShared(/\/source\/\d+\.0\.ts$/));
  const agent = new AbortController();
  const work = handBack(edges.at(-1) ?? owner, agent.signal).catch((error: unknown) => {
    if (!agent.signal.aborted) throw error;
  });
  try {
    switchTo('Transcode');
    await until('all have shown the same in Transcode', 60, () => isShared(/\/360p\/\d+\.1\.ts$/));
    switchTo('Proxy');
    await until('all are back in Proxy', 60, async () => /\/\d+\.0\.ts$/.test(await pollAll()));
  } finally {
    agent.abort();
    await work;
  }
  switchTo('Direct');
  await until('all are in Direct', 60, async () => (await pollAll()).startsWith(new URL('.', source.url).href));
  switchTo('Proxy');
  await until('all are in Proxy again', 60, async () => /\/\d+\.0\.ts$/.test(await pollAll()));
  const seconds = (performance.now() - startedAt) / 1000;
  const facts = await onceEach(edges, source.segmentRequests(), await pollAll());
  const looks = looksAt() - looksBefore;
  assert.ok(looks <= 2 * (seconds + 10), `the source was looked at ${looks} times in ${seconds} s`);
  assert.ok(ownerConnections > 0, 'the owner is connected with the source');
  const shared = shown.sharedBy(edges.length).length;
  const connections = await ofConnections(source, pollAll);
  return `${shared} playlists, each the same on ${edges.length} edges; ${looks} looks at the source by ${connections}, ${facts}`;
}

/** One connection at a time is enough; how many a slow machine has needed meanwhile is told, and bounded. */
async function ofConnections(source: SourceServer, poll: () => Promise<unknown>): Promise<string> {
  const isOne = async (): Promise<boolean> => {
    await poll();
    return source.connections === 1;
  };
  await until('one connection to the source is enough', 60, isOne);
  const most = source.mostConnections;
  assert.ok(most <= MOST_CONNECTIONS, `${most} connections to the source at a time`);
  return `1 connection of all edges (${most} at most at a time)`;
}

/** Ten viewers of each edge at the same time make one fetch of it, and none at the source, which has sent each segment once. */
async function onceEach(
  edges: readonly EdgePrograms[],
  asked: ReadonlyMap<string, number>,
  name: string,
): Promise<string> {
  const answers = await Promise.all(
    edges.flatMap((edge) => Array.from({ length: 10 }, () => ask(edge.url, `${FILM}/${name}`))),
  );
  for (const { status, body } of answers) assert.ok(status === 200 && answers[0]?.body.equals(body), 'the same bytes');
  const more = [...asked].filter(([, count]) => count > 1);
  // The probe reads the beginning of one.
  assert.ok(more.length <= 1 && more.every(([, count]) => count === 2), `asked for again: ${JSON.stringify(more)}`);
  return `${asked.size} segments of it once`;
}
