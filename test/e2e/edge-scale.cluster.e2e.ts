import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../cluster/process/command.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForStatus } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';
import type { PlatformObject } from './platform/platform.ts';

const environment = readEnvironment();
const { kubectl, helmPath } = environment;
const platform = readPlatform();
const { addresses, source } = platform;
const NAMESPACE = 'scaling';
const TARGET_DURATION_SECONDS = 2;
/** Two for each pod, so three pods. */
const CROWD = 6;
/** One pod may go after so long; everything else keeps its default. */
const STABILIZATION_SECONDS = 5;

const CHART = join(import.meta.dirname, '../../charts/sluice');
const AUTOSCALING = [
  'enabled=true',
  'minReplicas=1',
  'maxReplicas=3',
  'targetViewersPerPod=2',
  `scaleDownStabilizationSeconds=${STABILIZATION_SECONDS}`,
].flatMap((value) => ['--set', `edge.autoscaling.${value}`]);

interface EdgePod {
  readonly metadata: {
    readonly name: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

let crowd: readonly Viewer[] = [];
let faithful: Viewer | null = null;
let owner = '';
let firstRevision = '';

async function helm(...args: readonly string[]): Promise<string> {
  const variables = { ...process.env, KUBECONFIG: environment.kubeconfigPath };
  return run(helmPath, [...args, '--namespace', SYSTEM_NAMESPACE], { environment: variables });
}

/** Edge pods that are not on their way out, the oldest first. */
async function edgePods(): Promise<readonly EdgePod[]> {
  const selector = 'app.kubernetes.io/component=edge';
  const pods = await kubectl.get<{ items: EdgePod[] }>(['pods', '-n', SYSTEM_NAMESPACE, '-l', selector]);
  return (pods?.items ?? [])
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .sort((one, other) => Date.parse(one.metadata.creationTimestamp) - Date.parse(other.metadata.creationTimestamp));
}

const isReady = ({ status }: EdgePod): boolean =>
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

/** Waits until there are so many edges, all ready. */
async function edgesAre(count: number): Promise<readonly EdgePod[]> {
  return eventually(
    `there are ${count} ready edges`,
    async () => {
      const pods = await edgePods();
      return pods.length === count && pods.every(isReady) ? pods : null;
    },
    { timeoutSeconds: 150 },
    () => kubectl.run(['get', 'deployments,pods,events', '-n', SYSTEM_NAMESPACE]),
  );
}

/** Waits until kubectl shows this of the edges' Deployment. */
async function shows(verb: 'get' | 'describe', what: RegExp): Promise<void> {
  const look = () => kubectl.run([verb, 'deployment', 'sluice-edge', '-n', SYSTEM_NAMESPACE]);
  await eventually(`kubectl shows ${what}`, async () => what.exec(await look()), { timeoutSeconds: 30 }, look);
}

function watch(channel: string, session: string, folder?: string): Viewer {
  const options = { edgeUrl: platform.edgeUrl, namespace: NAMESPACE, channel, addresses, session, rung: 'source' };
  return startViewer({ ...options, ...(folder === undefined ? {} : { folder }) });
}

/** Resolves when the edges know the channel: they hear of it before its status is written. */
async function addChannel(name: string): Promise<void> {
  const uri = `${source.url}/edges/film/index.m3u8`;
  const spec = { delivery: { minimumMode: 'Idle', maximumMode: 'Proxy' } };
  await platform.apply(channelManifest({ namespace: NAMESPACE, name, uri, spec }));
  const known = ({ url }: { readonly url?: string }) => url ?? null;
  await waitForStatus(platform, { namespace: NAMESPACE, name }, 'is planned', known, 60);
}

/** The pod that owns a channel, by its status. */
async function ownerOf(name: string): Promise<string> {
  return eventually(
    `channel ${name} has an owner`,
    async () => {
      const channel = await platform.get<PlatformObject & { status?: { owner?: string } }>('Channel', NAMESPACE, name);
      return channel?.status?.owner || null;
    },
    { timeoutSeconds: 60 },
  );
}

beforeAll(async () => {
  const history = JSON.parse(await helm('history', 'sluice', '--max', '1', '--output', 'json')) as {
    revision: number;
  }[];
  firstRevision = String(history.at(-1)?.revision);
  await platform.apply(namespaceManifest(NAMESPACE));
  await addChannel('crowded');
  await helm('upgrade', 'sluice', CHART, '--reuse-values', '--wait', '--timeout', '120s', ...AUTOSCALING);
});

afterAll(async () => {
  await Promise.all([...crowd, ...(faithful === null ? [] : [faithful])].map((viewer) => viewer.stop()));
  await platform.delete('Namespace', '', NAMESPACE);
  // The number of edges is the operator's by now; Helm takes it back only by force (server-side apply).
  await helm('rollback', 'sluice', firstRevision, '--force-conflicts', '--wait', '--timeout', '120s');
  await edgesAre(1);
});

describe('the number of edges', () => {
  test('grows with the viewers, and the operator writes nothing else of the Deployment', async () => {
    crowd = Array.from({ length: CROWD }, (_, index) => watch('crowded', `crowd-${index}`));
    await Promise.all(crowd.map((viewer) => viewer.started));
    await edgesAre(3);
    await shows('get', /sluice-edge\s+3\/3\s+3\s+3\s/);
    await shows('describe', /Normal\s+EdgesScaled .*to 3 edge pods \(LoadAboveTarget\): \d viewers, 2 for each pod/);
    const deployment = await kubectl.get<{
      metadata: { managedFields: { manager: string; subresource?: string; fieldsV1: object }[] };
    }>(['deployment', 'sluice-edge', '-n', SYSTEM_NAMESPACE, '--show-managed-fields']);
    const written = deployment?.metadata.managedFields.filter(({ manager }) => manager === 'sluice-edge-scale');
    expect(written).toMatchObject([{ subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }]);
  });

  test('shrinks when they are gone, and spares the owner of the channel that is still watched', async () => {
    const [oldest] = await edgePods();
    // Left alone the ReplicaSet would keep the oldest pod: a channel that another one owns makes the difference.
    for (let index = 0; owner === '' && index < 20; index += 1) {
      const name = `faithful-${index}`;
      await addChannel(name);
      const viewer = watch(name, 'faithful', join(platform.artifactFolder, `edge-scale-${index}`));
      await viewer.started;
      const found = await ownerOf(name);
      if (found === oldest?.metadata.name) await viewer.stop();
      else [owner, faithful] = [found, viewer];
    }
    expect(owner).not.toBe('');
    await Promise.all(crowd.map((viewer) => viewer.stop()));
    const [last] = await edgesAre(1);
    expect(last?.metadata.name).toBe(owner);
    expect(Number(last?.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'])).toBeGreaterThan(
      1_000_000,
    );
    await shows('describe', /EdgesScaled .*from 3 to 2 edge pods \(LoadBelowTarget\)/);
    await shows('describe', /EdgesScaled .*from 2 to 1 edge pods \(LoadBelowTarget\)/);
  });

  test('changes without a viewer noticing', async () => {
    await faithful?.stop();
    for (const viewer of [...crowd, ...(faithful === null ? [] : [faithful])]) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    }
    expect(faithful?.record.downloads.filter(({ status }) => status !== 200)).toEqual([]);
    expect(faithful?.record.downloads.length).toBeGreaterThan(5);
  });
});
