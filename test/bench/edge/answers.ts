import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, ViewerClient } from '../../viewer/client.ts';
import { createLightClients } from '../../viewer/light-client.ts';
import type { Measurement } from '../statistics.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { hammer } from './hammer.ts';
import { groupOf, type Started, stopProgram } from './subject.ts';

/** Sessions that take turns on each connection: nginx, too, brings the requests of many viewers over few connections. */
const SESSIONS = 1000;
/** The socket is what counts; nobody looks a host up. */
const HOST = 'http://edge';

type Ask = (client: ViewerClient, session: string, signal: AbortSignal) => Promise<Answer>;

const QUESTIONS: readonly (readonly [what: string, ask: Ask])[] = [
  [
    'media playlists',
    (client, session, signal) => client.get(`${HOST}/live/${NAMESPACE}/c0/source.m3u8?session=${session}`, signal),
  ],
  [
    'heartbeats',
    (client, session) =>
      client.post(`${HOST}/api/stream/heartbeat`, { channelId: `${NAMESPACE}/c0`, sessionId: session }),
  ],
];

/** Answers per CPU-second of the sidecar behind its socket, and of a bare node:http with the same text for everybody. */
export async function measureAnswers(started: Started, edge: EdgeSubject): Promise<Measurement[]> {
  const rows: Measurement[] = [];
  for (const [what, ask] of QUESTIONS) {
    const { body } = await ask(createLightClients(edge.programs.socketPath)(), 'one', new AbortController().signal);
    const bare = await startBareServer(started, body);
    const measured = await rateOf(edge.programs.socketPath, ask, [edge.sidecarPid]);
    const beside = await rateOf(bare.socketPath, ask, [bare.group]);
    await bare.stop();
    rows.push({
      what: `${what} per CPU-second of the sidecar`,
      measured: `${measured.toFixed(0)} (${(measured / beside).toFixed(2)} x)`,
      reference: `bare node:http, a constant answer: ${beside.toFixed(0)}; goal 0.6 x`,
    });
  }
  return rows;
}

async function rateOf(socketPath: string, ask: Ask, groups: readonly number[]): Promise<number> {
  const question = (client: ViewerClient, connection: number, round: number, signal: AbortSignal) =>
    ask(client, `h${connection}-${round % SESSIONS}`, signal);
  const { answers, cpuSeconds } = await hammer(createLightClients(socketPath), question, groups);
  return answers / cpuSeconds;
}

async function startBareServer(started: Started, body: Buffer) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bare-'));
  const socketPath = join(folder, 'bare.sock');
  const words = ['--no-warnings', join(import.meta.dirname, 'bare-server.ts'), socketPath];
  const child: ChildProcess = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const stop = async (): Promise<void> => {
    await stopProgram(child);
    await rm(folder, { recursive: true, force: true });
  };
  started.add(child, stop);
  child.stdin?.end(body);
  await once(child.stdout ?? child, 'data');
  return { socketPath, group: groupOf(child), stop };
}
