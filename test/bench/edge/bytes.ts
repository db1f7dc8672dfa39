import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewerClient } from '../../viewer/client.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import { parseMediaPlaylist } from '../../viewer/media-playlist.ts';
import type { Measurement } from '../statistics.ts';
import { compared } from './comparison.ts';
import { partCores } from './cores.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { CONNECTIONS } from './hammer.ts';
import { cpuSecondsByGroup } from './processes.ts';
import type { Subject } from './subject.ts';
import { inTurns, type Ratio, ratioOf, type Turns } from './turns.ts';

/** Short turns, so that what else the machine does meets both alike, in rounds with connections of their own. */
const ROUNDS = 8;
const TURNS_OF_A_ROUND = 2;
const TURN_SECONDS = 0.4;
/** Sockets have found the size of their buffers by then, and nginx has opened the files. */
const WARM_UP_SECONDS = 0.3;

/** Bytes of one turn, and what they cost. */
interface Sent {
  readonly bytes: number;
  readonly cpuSeconds: number;
  /** Of nginx alone. */
  readonly nginxCpuSeconds: number;
}

/** A server, and below which URL the files of `/live` are. */
interface Target {
  readonly base: string;
  readonly groups: readonly number[];
}

/** Cached segments: bytes per CPU-second of all processes of the edge, and of nginx alone with the same files. */
export async function measureBytes(edge: EdgeSubject, reference: Subject): Promise<Measurement[]> {
  const [toEdge, toReference] = [
    { base: `${edge.url}/live`, groups: edge.groups },
    { base: `${reference.url}/files`, groups: reference.groups },
  ] as const;
  const share = partCores([...edge.groups, ...reference.groups]);
  const turns: { subject: Sent[]; reference: Sent[] } = { subject: [], reference: [] };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const found = await measureRound(toEdge, toReference, await segmentPaths(edge));
      turns.subject.push(...found.subject);
      turns.reference.push(...found.reference);
    }
  } finally {
    share?.();
  }
  return rowsOf(turns);
}

async function measureRound(edge: Target, reference: Target, paths: readonly string[]): Promise<Turns<Sent>> {
  const createClient = createLightClients();
  const connect = () => Array.from({ length: CONNECTIONS }, createClient);
  const clients = { edge: connect(), reference: connect() };
  const measureEdge = (seconds: number) => fetchFor(seconds, edge, clients.edge, paths);
  const measureReference = (seconds: number) => fetchFor(seconds, reference, clients.reference, paths);
  try {
    await measureEdge(WARM_UP_SECONDS);
    await measureReference(WARM_UP_SECONDS);
    return await inTurns(
      () => measureEdge(TURN_SECONDS),
      () => measureReference(TURN_SECONDS),
      TURNS_OF_A_ROUND,
    );
  } finally {
    await Promise.all([...clients.edge, ...clients.reference].map((client) => client.close()));
  }
}

/** Fetches as fast as it is answered, and waits for what is under way. @throws Error for any answer that is not 200 */
async function fetchFor(
  seconds: number,
  { base, groups }: Target,
  clients: readonly ViewerClient[],
  paths: readonly string[],
): Promise<Sent> {
  const before = cpuSecondsByGroup(groups);
  const deadline = performance.now() + seconds * 1000;
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
  // The last acknowledgements.
  await sleep(1);
  const used = cpuSecondsByGroup(groups).map((after, index) => after - (before[index] ?? 0));
  return { bytes, cpuSeconds: used.reduce((sum, one) => sum + one, 0), nginxCpuSeconds: used.at(-1) ?? Number.NaN };
}

function rowsOf(turns: Turns<Sent>): Measurement[] {
  const alone = `nginx alone, same files: ${gigabytes(turns.reference, ({ cpuSeconds }) => cpuSeconds)}`;
  return [
    compared({
      what: 'cached segments per CPU-second, whole edge pod',
      measured: gigabytes(turns.subject, ({ cpuSeconds }) => cpuSeconds),
      reference: alone,
      ratio: ratio(turns, ({ cpuSeconds }) => cpuSeconds),
      goal: { atLeast: 0.95 },
    }),
    // The sidecar goes on to follow its channel meanwhile; what that costs does not depend on the bytes that nginx sends.
    compared({
      what: 'cached segments per CPU-second, nginx of the edge pod',
      measured: gigabytes(turns.subject, ({ nginxCpuSeconds }) => nginxCpuSeconds),
      reference: alone,
      ratio: ratio(turns, ({ nginxCpuSeconds }) => nginxCpuSeconds),
      goal: null,
    }),
  ];
}

function ratio(turns: Turns<Sent>, cost: (sent: Sent) => number): Ratio {
  return ratioOf(turns, (sent) => [sent.bytes, cost(sent)]);
}

function gigabytes(sent: readonly Sent[], cost: (sent: Sent) => number): string {
  const total = (pick: (one: Sent) => number): number => sent.reduce((sum, one) => sum + pick(one), 0);
  return `${(total(({ bytes }) => bytes) / total(cost) / 1e9).toFixed(2)} GB`;
}

/** Below /live: the newest ones, which stay for a while. */
async function segmentPaths(edge: EdgeSubject): Promise<readonly string[]> {
  const answer = await fetch(`${edge.url}/live/${NAMESPACE}/c0/source.m3u8`);
  const { entries } = parseMediaPlaylist(await answer.text());
  return entries.slice(-6).map(({ uri }) => `${NAMESPACE}/c0/${uri}`);
}
