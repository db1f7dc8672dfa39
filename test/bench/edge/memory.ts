import { createLightClients } from '../../viewer/light-client.ts';
import { usageOf } from '../process-usage.ts';
import type { Measurement } from '../statistics.ts';
import { startAudience } from './audience.ts';
import { type ChargedNode, startChargedNode } from './charged-node.ts';
import { type EdgeSubject, NAMESPACE, startEdgeSubject } from './edge-subject.ts';
import { type Known, type Memory, rowsOfMemory } from './memory-rows.ts';
import { SMALL_SEGMENTS, startOrigin } from './origin-process.ts';
import { groupOf, type Started, startProgram, stopProgram } from './subject.ts';

/** Loopback address of the edge. */
const ADDRESS = '127.0.70.4';
/** Real viewers, who fetch segments as well. */
const FEW_VIEWERS = 10;
/** Ids that send a heartbeat each, over few connections as nginx brings them: what an id costs, and not a socket. */
const MANY_VIEWERS = [10_000, 100_000] as const;
/**
 * Heartbeats of few ids that come first: what code that is used so often is compiled to, and the room for what lives
 * briefly, belong to the load and not to a viewer, however many there are.
 */
const WARM_UP = { heartbeats: 100_000, ids: 32 } as const;
const CONNECTIONS = 32;
/** V8 gives back what it used for a burst some seconds after it; ids are forgotten after 65. */
const REST_SECONDS = 12;

/**
 * The memory of an edge's sidecar with few viewers, beside a program that does nothing with node:http, and what each more
 * of them costs: as Kubernetes counts a container, and as `ps` does.
 * @param tell takes a line where the machine lets nobody count as Kubernetes does
 */
export async function measureMemory(
  root: string,
  started: Started,
  tell: (line: string) => void,
): Promise<Measurement[]> {
  const bare = await bareMemory(root, started, tell);
  const originUrl = await startOrigin(started, SMALL_SEGMENTS);
  const node = await startChargedNode(root, started, 'sidecar', tell);
  const edge = await startEdgeSubject(started, ADDRESS, {
    root,
    originUrl,
    channels: 1,
    workers: 2,
    node: node.command,
  });
  const look = () => lookAt(edge.sidecarPid, node);
  const atStart = await look();
  const crowds = startAudience(edge, { viewers: FEW_VIEWERS, channels: 1, arrivalsPerSecond: 5, heartbeats: true });
  const leave = () => Promise.all(crowds.map((crowd) => crowd.stop()));
  started.add(crowds, leave);
  await started.sleep(2 * REST_SECONDS);
  const few = { viewers: FEW_VIEWERS, memory: await look() };
  await leave();
  await sendHeartbeats(edge, 0, WARM_UP.heartbeats, WARM_UP.ids);
  await started.sleep(REST_SECONDS);
  const warm = { ...WARM_UP, memory: await look() };
  const many: Known[] = [];
  for (const viewers of MANY_VIEWERS) {
    await sendHeartbeats(edge, many.at(-1)?.viewers ?? 0, viewers, viewers);
    await started.sleep(REST_SECONDS);
    many.push({ viewers, memory: await look() });
  }
  return rowsOfMemory({ bare, atStart, few, warm, many });
}

/** The least that a program with HTTP needs. */
async function bareMemory(root: string, started: Started, tell: (line: string) => void): Promise<Memory> {
  const part = started.part();
  const node = await startChargedNode(root, part, 'bare', tell);
  const [program, ...words] = node.command;
  const script = "require('node:http').createServer().listen(0, '127.0.0.1')";
  const child = startProgram(program, [...words, '-e', script]);
  part.add(child, () => stopProgram(child));
  await started.sleep(REST_SECONDS);
  const memory = await lookAt(groupOf(child), node);
  await part.stop();
  return memory;
}

async function lookAt(pid: number, node: ChargedNode): Promise<Memory> {
  const [{ residentBytes, anonymousBytes }, charge] = await Promise.all([usageOf(pid), node.charge()]);
  return { charge, residentBytes, anonymousBytes };
}

/** Heartbeats of the viewers `from` to `to`, who have so many ids in all. */
async function sendHeartbeats(edge: EdgeSubject, from: number, to: number, ids: number): Promise<void> {
  const createClient = createLightClients(edge.programs.socketPath);
  let next = from;
  const send = async (): Promise<void> => {
    const client = createClient();
    while (next < to) {
      const sessionId = `00000000-1111-4222-8333-${String(next++ % ids).padStart(12, '0')}`;
      const { status } = await client.post('http://edge/api/stream/heartbeat', {
        channelId: `${NAMESPACE}/c0`,
        sessionId,
      });
      if (status !== 200) throw new Error(`a heartbeat was answered ${status}`);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
}
