import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { inTurns, type Turns } from '../edge/turns.ts';
import type { Usage } from '../process-usage.ts';
import type { LeftStatus, WriteCounts } from './bare-client.ts';
import { type BareRun, timeBareClient } from './bare-run.ts';
import { type Bench, type Ground, onFreshGround } from './ground.ts';
import { type MachineTime, watchMachine } from './machine-time.ts';
import { viewersOf } from './objects.ts';
import { OperatorProcess } from './operator-process.ts';

/** Twice the goal for ten thousand channels: what takes longer is shown as a failure, not waited for. */
const CONVERGENCE_SECONDS = 600;
const POLL_MILLISECONDS = 20;
/** How often somebody who watches is told how far it is. */
const TELL_MILLISECONDS = 10_000;
/** Up to so many Channels both are measured twice: with ten times as many, once takes eight minutes. */
const MOST_CHANNELS_IN_TURNS = 1000;

/** One way of an operator into a cluster full of channels. */
export interface OperatorRun {
  /** From the start of the process to the last status, session and pod. */
  readonly seconds: number;
  readonly usage: Usage;
  /** Where the machine's time went meanwhile. */
  readonly machine: MachineTime;
  readonly writes: WriteCounts;
}

/** How an operator found its way into a cluster full of channels, beside a bare client that does the same writes. */
export interface ColdStart {
  readonly channels: number;
  /** Each value has a control plane of its own; those of the same index were measured next to each other. */
  readonly operator: readonly OperatorRun[];
  readonly bare: readonly BareRun[];
}

/** A converged operator and what it converged in; later measurements go on from here. */
export interface Scene extends Ground {
  readonly operator: OperatorProcess;
}

/**
 * Starts an operator in a fresh control plane with this many channels and waits until all is as their audiences ask; in
 * another one a bare client does the same writes. Up to 1,000 channels in the order operator, bare client, bare client,
 * operator, so that what else the machine does, and what its API server has learnt, meets both alike.
 * @param then goes on from the first operator, when all is as asked
 */
export async function measureColdStart(
  bench: Bench,
  channels: number,
  then: (scene: Scene) => Promise<void> = async () => {},
): Promise<ColdStart> {
  let left: readonly LeftStatus[] = [];
  let writes: WriteCounts = { channelStatuses: 0, sessionStatuses: 0, events: 0 };
  const operator = async (): Promise<OperatorRun> => {
    const isFirst = left.length === 0;
    const { run, statuses } = await startOperator(bench, channels, isFirst ? then : async () => {});
    if (isFirst) ({ left, writes } = { left: statuses, writes: run.writes });
    return run;
  };
  const bare = (): Promise<BareRun> =>
    onFreshGround(bench, channels, (ground) =>
      bench.progress.step('a bare client with the same writes', channels / 60, () =>
        timeBareClient(ground, { channels, counts: writes, left }),
      ),
    );
  const turns = await inOrder(channels, operator, bare);
  return { channels, operator: turns.subject, bare: turns.reference };
}

async function inOrder(
  channels: number,
  operator: () => Promise<OperatorRun>,
  bare: () => Promise<BareRun>,
): Promise<Turns<OperatorRun, BareRun>> {
  if (channels <= MOST_CHANNELS_IN_TURNS) return inTurns(operator, bare);
  const subject = [await operator()];
  return { subject, reference: [await bare()] };
}

function startOperator(
  bench: Bench,
  channels: number,
  then: (scene: Scene) => Promise<void>,
): Promise<{ readonly run: OperatorRun; readonly statuses: readonly LeftStatus[] }> {
  const { progress, interruption, config } = bench;
  return onFreshGround(bench, channels, async (ground) => {
    const measured = await watchMachine(ground.plane);
    const started = performance.now();
    const operator = OperatorProcess.start(config.repositoryRoot, ground.plane.kubeconfigPath);
    interruption.onInterrupted(() => operator.stop());
    const scene = { ...ground, operator };
    try {
      await progress.step('start an operator', channels / 50, () => converged(scene, CONVERGENCE_SECONDS, bench));
      const seconds = (performance.now() - started) / 1000;
      const usage = await operator.usage();
      const others = await measured();
      const machine = { ...others, byProgram: { ...others.byProgram, operator: usage.cpuSeconds } };
      const run = { seconds, usage, machine, writes: await writesOf(operator, channels) };
      const statuses = Array.from({ length: channels }, (_, index) => ground.world.statusOf(index));
      await then(scene);
      return { run, statuses };
    } finally {
      await operator.stop();
    }
  });
}

/**
 * Waits until nothing is behind, and says now and then how much still is.
 * @throws SluiceError NOT_CONVERGED naming a channel that is; INTERRUPTED after a signal
 */
export async function converged({ operator, world }: Scene, timeoutSeconds: number, bench: Bench): Promise<void> {
  const started = performance.now();
  let toldAt = started;
  while (world.behind > 0) {
    operator.check();
    bench.interruption.check();
    const now = performance.now();
    const seconds = Math.round((now - started) / 1000);
    if (seconds > timeoutSeconds) {
      const message = `${world.behind} channels are behind after ${seconds} s, e.g. ${world.example}\n${operator.log}`;
      throw new SluiceError(message, { code: 'NOT_CONVERGED', retryable: false });
    }
    if (now - toldAt >= TELL_MILLISECONDS) {
      bench.progress.note(`    after ${seconds} s: ${world.behind} Channels are not yet as asked`);
      toldAt = now;
    }
    await sleep(POLL_MILLISECONDS);
  }
}

/** Every session costs a StreamSession, a Secret and a pod; what else is POSTed are events. */
async function writesOf(operator: OperatorProcess, channels: number): Promise<WriteCounts> {
  const sessions = Array.from({ length: channels }, (_, index) => viewersOf(index)).filter(
    (count) => count >= 4,
  ).length;
  const metric = await operator.scrape();
  const channelStatuses = metric('sluice_channel_status_writes_total');
  const patches = metric('rest_client_requests_total', 'method="PATCH"', 'code="200"');
  const posts = metric('rest_client_requests_total', 'method="POST"', 'code="201"');
  return { channelStatuses, sessionStatuses: patches - channelStatuses, events: posts - 3 * sessions };
}
