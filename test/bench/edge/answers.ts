import type { Answer, ViewerClient } from '../../viewer/client.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import type { Measurement } from '../statistics.ts';
import { type BareServer, startBareServer } from './bare.ts';
import { compared } from './comparison.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { CONNECTIONS, hammer, type Work } from './hammer.ts';
import type { Started } from './subject.ts';
import { inTurns, ratioOf } from './turns.ts';

/** Viewers who take turns: nginx, too, brings the requests of many over few connections. */
const SESSIONS = 1000;
/** CPU-seconds of each before its first turn: its code is compiled and its caches are filled by then. */
const WARM_UP_CPU_SECONDS = 1;
/** Many short turns rather than a few long ones: what a garbage collection or another program does to one is then a part of all. */
const ROUNDS = 4;
const TURN_CPU_SECONDS = 0.5;

/** A question to a server, whose base URL comes first. */
type Ask = (base: string, client: ViewerClient, session: string, signal: AbortSignal) => Promise<Answer>;

const askPlaylist: Ask = (base, client, session, signal) =>
  client.get(`${base}/live/${NAMESPACE}/c0/source.m3u8?session=${session}`, signal);
const askHeartbeat: Ask = (base, client, session) =>
  client.post(`${base}/api/stream/heartbeat`, { channelId: `${NAMESPACE}/c0`, sessionId: session });

/** One line of the table: who is asked what, and whose CPU that takes. */
interface Question {
  readonly what: string;
  readonly ask: Ask;
  /** The way to the edge, and to the reference: a socket, or the URL alone. */
  readonly ways: (edge: EdgeSubject, bare: BareServer) => readonly [edge: Way, bare: Way];
}

interface Way {
  readonly url: string;
  readonly socketPath?: string;
  readonly groups: readonly number[];
}

/** The socket is what counts; nobody looks a host up. */
const ANY_HOST = 'http://edge';

const throughNginx: Question['ways'] = (edge, bare) => [
  { url: edge.url, groups: edge.groups },
  { url: bare.url, groups: [bare.group] },
];
const behindNginx: Question['ways'] = (edge, bare) => [
  { url: ANY_HOST, socketPath: edge.programs.socketPath, groups: [edge.sidecarPid] },
  { url: ANY_HOST, socketPath: bare.socketPath, groups: [bare.group] },
];

const QUESTIONS: readonly Question[] = [
  { what: 'media playlists per CPU-second of the whole edge pod', ask: askPlaylist, ways: throughNginx },
  { what: 'media playlists per CPU-second of the sidecar, where nginx has none', ask: askPlaylist, ways: behindNginx },
  { what: 'heartbeats per CPU-second of the sidecar', ask: askHeartbeat, ways: behindNginx },
];

/** Answers per CPU-second, and of a bare node:http with the same text for everybody. */
export async function measureAnswers(started: Started, edge: EdgeSubject): Promise<Measurement[]> {
  const rows: Measurement[] = [];
  for (const { what, ask, ways } of QUESTIONS) {
    const { body } = await ask(edge.url, createLightClients()(), 'one', new AbortController().signal);
    const bare = await startBareServer(started, body);
    const [toEdge, toBare] = ways(edge, bare);
    for (const way of [toEdge, toBare]) await workOf(way, ask, WARM_UP_CPU_SECONDS);
    const turns = await inTurns(
      () => workOf(toEdge, ask, TURN_CPU_SECONDS),
      () => workOf(toBare, ask, TURN_CPU_SECONDS),
      ROUNDS,
    );
    await bare.stop();
    rows.push(
      compared({
        what,
        measured: perSecond(turns.subject),
        reference: `bare node:http, a constant answer: ${perSecond(turns.reference)}`,
        ratio: ratioOf(turns, ({ answers, cpuSeconds }) => [answers, cpuSeconds]),
        goal: { atLeast: 0.6 },
      }),
    );
  }
  return rows;
}

function workOf({ url, socketPath, groups }: Way, ask: Ask, cpuSeconds: number): Promise<Work> {
  return hammer(
    createLightClients(socketPath),
    (client, connection, round, signal) =>
      ask(url, client, `h${(round * CONNECTIONS + connection) % SESSIONS}`, signal),
    groups,
    cpuSeconds,
  );
}

function perSecond(works: readonly Work[]): string {
  const [answers, seconds] = works.reduce(([a, s], work) => [a + work.answers, s + work.cpuSeconds], [0, 0]);
  return Math.round((answers ?? 0) / (seconds ?? 1)).toLocaleString('en');
}
