import { makeEdgeKeys, makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import { CHANNEL, ENDPOINT_SLICE, SECRET, STREAM_SESSION } from '@sluice/operator/kinds.ts';
import type { ApplyConfiguration, Client } from '@sluice/operator/runtime/client/client.ts';
import { connect } from '@sluice/operator/runtime/client/connection.ts';
import { createHttpClient } from '@sluice/operator/runtime/client/http-client.ts';
import type { Context } from '../../cluster/cluster.ts';
import type { Interruption } from '../interruption.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { BenchEdges } from './edges.ts';
import { CHANNEL_NAMESPACE, channelName, channelObject, SYSTEM_NAMESPACE, viewersOf } from './objects.ts';
import { inParallel } from './parallel.ts';
import { World } from './world.ts';

/** What every measurement here works with. */
export interface Bench extends Context {
  readonly interruption: Interruption;
}

/** What an operator, or a bare client, is measured on: alike for both, watched alike by {@link World}. */
export interface Ground {
  readonly plane: ControlPlane;
  readonly edges: BenchEdges;
  readonly world: World;
}

/**
 * Does some work on a control plane with an empty etcd, Channels on which nothing has been done yet, and edges that know
 * their audiences; all of that ends with the work.
 */
export async function onFreshGround<T>(
  bench: Bench,
  channels: number,
  work: (ground: Ground) => Promise<T>,
): Promise<T> {
  const { progress, interruption, config } = bench;
  const plane = await startControlPlane(bench, interruption);
  const client = createHttpClient({ connection: connect(plane.kubeconfigPath) });
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
    return await work({ plane, edges, world });
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

async function prepare(plane: ControlPlane, client: Client, root: string, channels: number): Promise<BenchEdges> {
  const { kubectl } = plane;
  await kubectl.run(['apply', '--server-side', '-f', `${root}/crds/yaml`]);
  for (const crd of [CHANNEL, STREAM_SESSION]) {
    await kubectl.run(['wait', '--for=condition=Established', `crd/${crd.plural}.${crd.group}`, '--timeout=60s']);
  }
  for (const name of [SYSTEM_NAMESPACE, CHANNEL_NAMESPACE]) {
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
