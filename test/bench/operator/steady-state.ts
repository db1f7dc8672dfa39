import { setTimeout as sleep } from 'node:timers/promises';
import { converged, type Scene } from './cold-start.ts';
import type { Bench } from './ground.ts';
import type { OperatorProcess } from './operator-process.ts';
import { BusyChannel, Traffic } from './traffic.ts';

const SETTLE_SECONDS = 180;
const MEASURE_SECONDS = 60;
/** Without a new event for this long, those of the start are over. */
const QUIET_SECONDS = 3;

/** Writes a second by what they are about; refused ones count: they cost the API server as much. */
export interface WriteRates {
  readonly channelStatuses: number;
  /** Statuses of sessions, renewals of the Lease, events told again. */
  readonly otherPatches: number;
  /** Events above all. */
  readonly posts: number;
  readonly deletes: number;
}

/** What an operator needs while nothing but the usual happens. */
export interface SteadyState {
  readonly channels: number;
  /** Share of one core. */
  readonly cpuShare: number;
  /** Of the API server, while the operator was measured. */
  readonly apiServerCpuShare: number;
  readonly writes: WriteRates;
  readonly residentBytes: number;
  /** From the word of an edge to the route that answers it, in ms. */
  readonly decisionMilliseconds: readonly number[];
}

/** Makes all channels busy and measures the operator for a minute. */
export async function measureSteadyState(scene: Scene, channels: number, bench: Bench): Promise<SteadyState> {
  const { edges, world } = scene;
  const all = Array.from({ length: channels }, (_, index) => new BusyChannel(scene, index));
  for (const channel of all) channel.makeBusy();
  await converged(scene, SETTLE_SECONDS, bench);
  await eventsWritten(scene, bench);
  const traffic = new Traffic(scene, all, bench);
  await traffic.run(10);
  const busy = await measured(scene, () => traffic.run(MEASURE_SECONDS));
  const decisionMilliseconds = await traffic.decisions();
  edges.onRoute = () => {};
  if (world.behind === channels) throw new Error('no channel follows its audience any more');
  return {
    channels,
    cpuShare: busy.cpuShare,
    apiServerCpuShare: busy.apiServerCpuShare,
    writes: busy.writes,
    residentBytes: (await scene.operator.usage()).residentBytes,
    decisionMilliseconds,
  };
}

/** Waits until the events of the start are written: the steady state has none of them. */
async function eventsWritten({ operator }: Scene, { interruption }: Bench): Promise<void> {
  const deadline = performance.now() + SETTLE_SECONDS * 1000;
  for (let before = -1, posts = 0; before !== posts && performance.now() < deadline; ) {
    interruption.check();
    before = posts;
    await sleep(QUIET_SECONDS * 1000);
    posts = (await writesSoFar(operator)).posts;
  }
}

/** What operator and API server do while something else is done, the reading of the operator's metrics included. */
async function measured({ operator, plane }: Scene, work: () => Promise<unknown>) {
  const look = async () => ({
    at: performance.now(),
    operator: await operator.usage(),
    apiServer: await plane.apiServerUsage(),
    writes: await writesSoFar(operator),
  });
  const before = await look();
  await work();
  const after = await look();
  const perSecond = (from: number, to: number) => ((to - from) * 1000) / (after.at - before.at);
  const rate = (kind: keyof WriteRates) => perSecond(before.writes[kind], after.writes[kind]);
  return {
    cpuShare: perSecond(before.operator.cpuSeconds, after.operator.cpuSeconds),
    apiServerCpuShare: perSecond(before.apiServer.cpuSeconds, after.apiServer.cpuSeconds),
    writes: {
      channelStatuses: rate('channelStatuses'),
      otherPatches: rate('otherPatches'),
      posts: rate('posts'),
      deletes: rate('deletes'),
    },
  };
}

async function writesSoFar(operator: OperatorProcess): Promise<WriteRates> {
  const metric = await operator.scrape();
  const by = (method: string) => metric('rest_client_requests_total', `method="${method}"`);
  const channelStatuses = metric('sluice_channel_status_writes_total');
  return { channelStatuses, otherPatches: by('PATCH') - channelStatuses, posts: by('POST'), deletes: by('DELETE') };
}
