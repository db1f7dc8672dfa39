import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { makeEdgeKeys, makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import { CHANNEL, ENDPOINT_SLICE, SECRET, STREAM_SESSION } from '@sluice/operator/kinds.ts';
import type { ApplyConfiguration, Client } from '@sluice/operator/runtime/client/client.ts';
import { connect } from '@sluice/operator/runtime/client/connection.ts';
import { createHttpClient } from '@sluice/operator/runtime/client/http-client.ts';
import type { Context } from '../../cluster/cluster.ts';
import type { Interruption } from '../interruption.ts';
import type { Usage } from '../process-usage.ts';
import { type BareRun, timeBareClient, type WriteCounts } from './bare-client.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { BenchEdges } from './edges.ts';
import { type MachineTime, watchMachine } from './machine-time.ts';
import {
  BARE_NAMESPACE,
  CHANNEL_NAMESPACE,
  channelName,
  channelObject,
  SYSTEM_NAMESPACE,
  viewersOf,
} from './objects.ts';
import { OperatorProcess } from './operator-process.ts';
import { inParallel } from './parallel.ts';
import { World } from './world.ts';

/** Twice the goal for ten thousand channels: what takes longer is shown as a failure, not waited for. */
const CONVERGENCE_SECONDS = 600;
const POLL_MILLISECONDS = 20;
/** How often somebody who watches is told how far it is. */
const TELL_MILLISECONDS = 10_000;

/** How an operator found its way into a cluster full of channels. */
export interface ColdStart {
  readonly channels: number;
  /** From the start of the process to the last status, session and pod. */
  readonly seconds: number;
  readonly usage: Usage;
  /** Where the machine's time went meanwhile, and while the bare client wrote. */
  readonly machine: { readonly operator: MachineTime; readonly bare: MachineTime };
  readonly writes: WriteCounts;
  /** A bare client that does the same writes. */
  readonly bare: BareRun;
}

/** What every measurement here works with. */
export interface Bench extends Context {
  readonly interruption: Interruption;
}

/** A converged operator and what it converged in; later measurements go on from here. */
export interface Scene {
  readonly operator: OperatorProcess;
  readonly edges: BenchEdges;
  readonly world: World;
  readonly plane: ControlPlane;
}

/**
 * Starts an operator in a fresh control plane with this many channels, waits until all is as their audiences ask, lets
 * `then` go on from there, and times a bare client with the same writes afterwards.
 */
export async function measureColdStart(
  bench: Bench,
  channels: number,
  then: (scene: Scene) => Promise<void> = async () => {},
): Promise<ColdStart> {
  const { progress, interruption, config } = bench;
  const plane = await startControlPlane(bench, interruption);
  const connection = connect(plane.kubeconfigPath);
  const client = createHttpClient({ connection });
  const stops: (() => Promise<void>)[] = [plane.stop, () => client.close()];
  try {
    const edges = await progress.step(`make ${channels} Channels`, channels / 150, () =>
      prepare(plane, client, config.repositoryRoot, channels),
    );
    stops.push(() => edges.close());
    const world = new World(client, edges);
    stops.push(() => world.stop());
    await expectAudiences(world, edges, channels);
    interruption.check();
    const ofOperator = await watchMachine(plane);
    const started = performance.now();
    const operator = OperatorProcess.start(config.repositoryRoot, plane.kubeconfigPath);
    stops.push(() => operator.stop());
    interruption.onInterrupted(() => operator.stop());
    const scene = { operator, edges, world, plane };
    await progress.step('start an operator', channels / 30, () => converged(scene, CONVERGENCE_SECONDS, bench));
    const seconds = (performance.now() - started) / 1000;
    const usage = await operator.usage();
    const measured = await ofOperator();
    const whileOperator = { ...measured, byProgram: { ...measured.byProgram, operator: usage.cpuSeconds } };
    const writes = await writesOf(operator, channels);
    await then(scene);
    await operator.stop();
    const statuses = Array.from({ length: channels }, (_, index) => world.statusOf(index));
    const status = (index: number) => statuses[index] ?? { channel: {}, session: null };
    const watch = () => watchMachine(plane);
    const { bare, machine } = await progress.step('a bare client with the same writes', channels / 25, () =>
      timeBareClient(client, connection, { channels, counts: writes, status, watch }),
    );
    return { channels, seconds, usage, machine: { operator: whileOperator, bare: machine }, writes, bare };
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

async function expectAudiences(world: World, edges: BenchEdges, channels: number): Promise<void> {
  await world.start();
  for (let index = 0; index < channels; index += 1) {
    const name = channelName(index);
    edges.setViewers(world.uidOf(name), viewersOf(index));
    world.expect(name, viewersOf(index));
  }
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

async function prepare(plane: ControlPlane, client: Client, root: string, channels: number): Promise<BenchEdges> {
  const { kubectl } = plane;
  await kubectl.run(['apply', '--server-side', '-f', `${root}/crds/yaml`]);
  for (const crd of [CHANNEL, STREAM_SESSION]) {
    await kubectl.run(['wait', '--for=condition=Established', `crd/${crd.plural}.${crd.group}`, '--timeout=60s']);
  }
  for (const name of [SYSTEM_NAMESPACE, CHANNEL_NAMESPACE, BARE_NAMESPACE]) {
    await kubectl.run(['create', 'namespace', name]);
    // Pods are refused before the controller manager has made it.
    await kubectl.run(['wait', '--for=create', 'serviceaccount/default', '-n', name, '--timeout=60s']);
  }
  const operatorKeys = makeOperatorKeys();
  const edgeKeys = await makeEdgeKeys(operatorKeys['operator.key'], Date.now());
  await client.create(SECRET, secret('sluice-link-operator', { ...operatorKeys }));
  await client.create(SECRET, secret('sluice-link', { ...edgeKeys }));
  const edges = await BenchEdges.start(edgeKeys);
  for (const slice of edges.slices()) await client.create(ENDPOINT_SLICE, slice as ApplyConfiguration);
  const indexes = Array.from({ length: channels }, (_, index) => index);
  await inParallel(indexes.map((index) => () => client.create(CHANNEL, channelObject(CHANNEL_NAMESPACE, index))));
  return edges;
}

function secret(name: string, stringData: Readonly<Record<string, string>>): ApplyConfiguration {
  const metadata = { name, namespace: SYSTEM_NAMESPACE };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData } as ApplyConfiguration;
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
