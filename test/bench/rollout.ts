import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../cluster/progress.ts';
import { waitForMode } from '../e2e/channel-state.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { createApi, pathOf } from '../e2e/platform/api.ts';
import type { Platform, PlatformObject } from '../e2e/platform/platform.ts';
import { createStandalonePlatform } from '../e2e/platform/standalone.ts';
import { startStandaloneOperator } from '../e2e/standalone-operator.ts';
import { type CrowdHistory, watchCrowd } from '../failover/crowd-watch.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { prepareStandalone } from '../standalone/set-up.ts';
import type { Measurement } from './statistics.ts';

const EDGES = 3;
const VIEWERS = 200;
const NAMESPACE = 'rollout';
const CHANNEL = 'film';
/** A small rung, so that the machine's cores are not the viewers' network. */
const RUNG = { name: '64p', height: 64, bitrateBps: 50_000 };
/** In its first `timeoutSeconds` an operator takes edges that it has not heard yet for those of a predecessor, with viewers. */
const FIRST_MINUTE_MS = 60_000;
const DEPLOYMENTS = { root: '/apis/apps/v1', plural: 'deployments', namespaced: true };
const SELECTOR = 'app.kubernetes.io/component=edge';

interface EdgePod extends PlatformObject {
  readonly metadata: PlatformObject['metadata'] & { readonly deletionTimestamp?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/**
 * A rolling update of three edges while 200 viewers watch a channel in Transcode, on the standalone operator: the new pods
 * come together, and an old one goes for each that is ready, so that all three may leave at once.
 */
export async function measureRollout(root: string, progress: Progress): Promise<Measurement[]> {
  const variables = { ...process.env, ...(await prepareStandalone(progress)) };
  const artifactFolder = await mkdtemp(join(tmpdir(), 'sluice-rollout-'));
  const operator = await startStandaloneOperator({ root, artifactFolder, variables });
  try {
    const { environment } = operator;
    const platform = createStandalonePlatform(environment);
    const patch = async (change: object): Promise<void> => {
      const path = pathOf(DEPLOYMENTS, SYSTEM_NAMESPACE, 'sluice-edge');
      await createApi(environment.apiUrl).call('PATCH', path, { type: 'application/merge-patch+json', object: change });
    };
    await patch({ spec: { replicas: EDGES } });
    await untilReplaced(platform, []);
    await platform.apply(namespaceManifest(NAMESPACE));
    const spec = { delivery: { minimumMode: 'Transcode' }, transcode: { preset: 'ultrafast', ladder: [RUNG] } };
    const uri = `${environment.source.url}/rollout/film/index.m3u8`;
    await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Transcode', 120);
    await sleep(FIRST_MINUTE_MS);
    const history = await progress.step(`roll ${EDGES} edges under ${VIEWERS} viewers`, 90, () =>
      watchCrowd(crowdOf(environment.edgeUrl), async () => {
        const before = (await edgesOf(platform)).map(({ metadata }) => metadata.name);
        await patch({ spec: { template: { metadata: { annotations: { rolled: String(Date.now()) } } } } });
        await untilReplaced(platform, before);
      }),
    );
    return [rowOf(history)];
  } finally {
    await operator.stop();
  }
}

function crowdOf(edgeUrl: string) {
  return {
    edgeUrl,
    namespace: NAMESPACE,
    channel: CHANNEL,
    count: VIEWERS,
    rung: RUNG.name,
    fetchesSegments: true,
    heartbeats: false,
    sessionPrefix: 'rollout',
    checks: 10,
  };
}

function edgesOf(platform: Platform): Promise<readonly EdgePod[]> {
  return platform.list<EdgePod>('Pod', SYSTEM_NAMESPACE, SELECTOR);
}

/** Waits until three edges are ready and there is none but them, and none of those `before`. */
async function untilReplaced(platform: Platform, before: readonly string[]): Promise<void> {
  const isReady = ({ status }: EdgePod) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  await eventually(
    'all edges are others, and ready',
    async () => {
      const pods = await edgesOf(platform);
      const isNew = pods.every(({ metadata }) => !before.includes(metadata.name));
      return isNew && pods.length === EDGES && pods.every(isReady) ? true : null;
    },
    { timeoutSeconds: 180 },
  );
}

function rowOf({ crowd, counts, partial, seconds }: CrowdHistory): Measurement {
  const shown = [...counts].sort(([one], [two]) => two - one).map(([count, times]) => `${count} (${times} times)`);
  const { stalls, problems, lastProblem, segments, slowestSegmentSeconds } = crowd;
  const facts = [
    `${stalls} stalls, ${problems} errors${lastProblem === '' ? '' : ` (${lastProblem})`} in ${segments} segments`,
    `slowest segment ${slowestSegmentSeconds.toFixed(2)} s`,
    `count ${shown.join(', ')}${partial === 0 ? '' : `, ${partial} times of one edge alone`}`,
    `in ${seconds.toFixed(0)} s`,
  ];
  return {
    what: `rolling update of ${EDGES} edges under ${VIEWERS} viewers`,
    measured: facts.join('; '),
    reference: `goal: 0 stalls, 0 errors, count ${VIEWERS} throughout`,
  };
}
