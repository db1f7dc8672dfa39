import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from '../../viewer/client.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import { parseMediaPlaylist } from '../../viewer/media-playlist.ts';
import type { Measurement } from '../statistics.ts';
import { addSent, NOTHING, rowsOfBytes, type Sent } from './bytes-rows.ts';
import { partCores } from './cores.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { CONNECTIONS } from './hammer.ts';
import { cpuSecondsOf, pidsOf, runClock } from './processes.ts';
import type { Subject } from './subject.ts';
import { unpacedReaders } from './unpaced.ts';

/** Each round has connections of its own: what the kernel has learned of one stays for as long as it lives. */
const ROUNDS = 6;
/** In the order edge, nginx, nginx again, and back: what else the machine does meets all alike. */
const CYCLES_OF_A_ROUND = 22;
/** Short, so that what else the machine does meets neighbours alike; two hundred requests, beside which the last ones of a turn are few. */
const TURN_SECONDS = 0.05;
/** Sockets have found the size of their buffers by then, and nginx has opened the files. */
const WARM_UP_SECONDS = 0.3;
/** The last acknowledgements come within it. */
const REST_MILLISECONDS = 1;

/** An nginx with the connections to it, and what it has sent. */
interface Target {
  /** URL below which the files of `/live` are. */
  readonly base: string;
  readonly pids: readonly number[];
  readonly clients: readonly ViewerClient[];
  sent: Sent;
}

/**
 * Cached segments: bytes per CPU-second of all processes of the edge, and of nginx alone with the same files; and of
 * another nginx alone, which shows how steady the measure is.
 */
export async function measureBytes(edge: EdgeSubject, alone: Subject, again: Subject): Promise<Measurement[]> {
  const [sidecar = 0, ...nginx] = edge.groups;
  const servers = [
    { base: `${edge.url}/live`, groups: nginx },
    { base: `${alone.url}/files`, groups: alone.groups },
    { base: `${again.url}/files`, groups: again.groups },
  ];
  const share = partCores([sidecar, ...servers.flatMap(({ groups }) => groups)]);
  const readers = unpacedReaders();
  const rounds: Sent[][] = [];
  const startedAt = performance.now();
  const before = cpuSecondsOf([sidecar]);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const paths = await segmentPaths(edge);
      const createClient = createLightClients(undefined, undefined, readers.address);
      const targets = servers.map(({ base, groups }) => ({
        base,
        pids: groups.flatMap(pidsOf),
        clients: Array.from({ length: CONNECTIONS }, createClient),
        sent: NOTHING,
      }));
      await playRound(targets, paths);
      rounds.push(targets.map(({ sent }) => sent));
    }
  } finally {
    readers.stop();
    share?.();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return rowsOfBytes({ rounds, sidecarShare: (cpuSecondsOf([sidecar]) - before) / seconds });
}

async function playRound(targets: readonly Target[], paths: readonly string[]): Promise<void> {
  try {
    for (const target of targets) await fetchFor(WARM_UP_SECONDS, target, paths);
    for (let cycle = 0; cycle < CYCLES_OF_A_ROUND; cycle += 1) {
      for (const target of [...targets, ...targets.toReversed()]) {
        target.sent = addSent(target.sent, await fetchFor(TURN_SECONDS, target, paths));
      }
    }
  } finally {
    await Promise.all(targets.flatMap(({ clients }) => clients.map((client) => client.close())));
  }
}

/** Fetches as fast as it is answered, and waits for what is under way. @throws Error for any answer that is not 200 */
async function fetchFor(seconds: number, { base, pids, clients }: Target, paths: readonly string[]): Promise<Sent> {
  const ran = runClock(pids);
  const startedAt = performance.now();
  const deadline = startedAt + seconds * 1000;
  const { signal } = new AbortController();
  let bytes = 0;
  const run = async (client: ViewerClient, connection: number): Promise<void> => {
    for (let turn = connection; performance.now() < deadline; turn += 1) {
      const answer = await client.get(`${base}/${paths[turn % paths.length]}`, signal, true);
      if (answer.status !== 200) throw new Error(`${base}/${paths[turn % paths.length]} answered ${answer.status}`);
      bytes += answer.bytes;
    }
  };
  await Promise.all(clients.map(run));
  await sleep(REST_MILLISECONDS);
  return { bytes, cpuSeconds: ran(), seconds: (performance.now() - startedAt) / 1000 };
}

/** Below /live: the newest ones, which stay for a while. */
async function segmentPaths(edge: EdgeSubject): Promise<readonly string[]> {
  const answer = await fetch(`${edge.url}/live/${NAMESPACE}/c0/source.m3u8`);
  const { entries } = parseMediaPlaylist(await answer.text());
  return entries.slice(-6).map(({ uri }) => `${NAMESPACE}/c0/${uri}`);
}
