import { createLightClients } from '../../viewer/light-client.ts';
import { type Usage, usageOf } from '../process-usage.ts';
import type { Measurement } from '../statistics.ts';
import { startAudience } from './audience.ts';
import { verdict } from './comparison.ts';
import { type EdgeSubject, NAMESPACE, startEdgeSubject } from './edge-subject.ts';
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
/** The goals: megabytes at rest, and bytes for each viewer. */
const GOAL_MEGABYTES = 60;
const GOAL_BYTES_PER_VIEWER = 1000;

/** The memory of an edge's sidecar with few viewers, beside a program that does nothing with node:http, and what each more of them costs. */
export async function measureMemory(root: string, started: Started): Promise<Measurement[]> {
  const bare = await bareUsage(started);
  const originUrl = await startOrigin(started, SMALL_SEGMENTS);
  const edge = await startEdgeSubject(started, ADDRESS, { root, originUrl, channels: 1, workers: 2 });
  const crowds = startAudience(edge, { viewers: FEW_VIEWERS, channels: 1, arrivalsPerSecond: 5, heartbeats: true });
  const leave = () => Promise.all(crowds.map((crowd) => crowd.stop()));
  started.add(crowds, leave);
  await started.sleep(2 * REST_SECONDS);
  const few = await usageOf(edge.sidecarPid);
  await leave();
  await sendHeartbeats(edge, 0, WARM_UP.heartbeats, WARM_UP.ids);
  await started.sleep(REST_SECONDS);
  const warm = await usageOf(edge.sidecarPid);
  const rows: Measurement[] = [
    {
      what: `memory of the sidecar, ${FEW_VIEWERS} viewers: resident, and private`,
      measured: textOf(few),
      reference: `bare node:http: ${textOf(bare)}`,
      goal: `${GOAL_MEGABYTES} MB, resident ${verdict(few.residentBytes <= GOAL_MEGABYTES * 1e6)}, private ${verdict(few.anonymousBytes <= GOAL_MEGABYTES * 1e6)}`,
    },
    {
      what: `memory of the sidecar, after ${WARM_UP.heartbeats.toLocaleString('en')} heartbeats of ${WARM_UP.ids} ids: resident, and private`,
      measured: textOf(warm),
      reference: '',
    },
  ];
  let known = 0;
  for (const viewers of MANY_VIEWERS) {
    await sendHeartbeats(edge, known, viewers, viewers);
    known = viewers;
    await started.sleep(REST_SECONDS);
    const many = await usageOf(edge.sidecarPid);
    const bytes = (many.residentBytes - warm.residentBytes) / viewers;
    rows.push({
      what: `memory of the sidecar, ${viewers.toLocaleString('en')} heartbeats' ids: resident, and private`,
      measured: `${textOf(many)}: ${bytes.toFixed(0)} bytes per viewer`,
      reference: '',
      goal: `${GOAL_BYTES_PER_VIEWER} bytes, ${verdict(bytes <= GOAL_BYTES_PER_VIEWER)}`,
    });
  }
  return rows;
}

/** The least that a program with HTTP needs. */
async function bareUsage(started: Started): Promise<Usage> {
  const child = startProgram(process.execPath, ['-e', "require('node:http').createServer().listen(0, '127.0.0.1')"]);
  started.add(child, () => stopProgram(child));
  await started.sleep(REST_SECONDS);
  const usage = await usageOf(groupOf(child));
  await stopProgram(child);
  return usage;
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

/** As `ps` says, and what of it a pod is charged with whatever else runs on its node: no file holds it. */
function textOf({ residentBytes, anonymousBytes }: Usage): string {
  return `${(residentBytes / 1e6).toFixed(0)} MB, ${(anonymousBytes / 1e6).toFixed(0)} MB`;
}
