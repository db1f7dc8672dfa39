import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { restartApiServer } from '../cluster/cluster.ts';
import { killOperator, metricOf, nextLeader } from '../failover/leader.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { channelStatus, sessionPods, waitForMode, waitForNoPods, waitForProbe } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest } from './manifests.ts';
import type { PlatformObject } from './platform/platform.ts';

const { kubectl, edgeUrl, addresses, source } = readEnvironment();
const platform = readPlatform();
const NAMESPACE = 'control-faults';
const DOOMED_NAMESPACE = 'control-faults-doomed';
const RUNG = '64p';
const TARGET_DURATION_SECONDS = 2;
/** A successor waits for the end of the lease (15 s); then come scheduling, encoding and three segments in time. */
const PROMOTION_SECONDS = 120;
const API_AWAY_SECONDS = 5;

interface PodView extends PlatformObject {
  readonly status?: { readonly phase?: string };
}

async function applyChannel(name: string, minimumMode: 'Proxy' | 'Transcode', namespace = NAMESPACE): Promise<void> {
  const ladder = [{ name: RUNG, height: 64, bitrateBps: 50_000 }];
  const resources = { requests: { cpu: '50m', memory: '64Mi' } };
  const spec = {
    delivery: { minimumMode, hysteresisSeconds: 0 },
    transcode: { preset: 'ultrafast', ladder, resources },
  };
  const uri = `${source.url}/control-faults/film/index.m3u8`;
  await platform.apply(channelManifest({ namespace, name, uri, spec }));
}

async function watch(channel: string, namespace = NAMESPACE): Promise<Viewer> {
  const session = `control-faults-${channel}-${Date.now()}`;
  const viewer = startViewer({ edgeUrl, namespace, channel, session, rung: RUNG, addresses });
  viewers.push(viewer);
  await viewer.started;
  return viewer;
}

/** Channels and viewers of the test that runs. */
const names: string[] = [];
const viewers: Viewer[] = [];

/** A channel in Proxy with somebody who plays it. */
async function playing(name: string): Promise<Viewer> {
  names.push(name);
  await applyChannel(name, 'Proxy');
  await waitForProbe(platform, NAMESPACE, name);
  const viewer = await watch(name);
  await waitForMode(platform, NAMESPACE, name, 'Proxy', 30);
  return viewer;
}

async function expectUndisturbed(viewer: Viewer): Promise<void> {
  await viewer.stop();
  expect(viewer.record.problems).toEqual([]);
  expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
}

/** SIGKILL; the pod goes too, because the kubelet would wait longer from kill to kill before it starts it again. */
async function killLeader(): Promise<void> {
  const before = await nextLeader(kubectl, null);
  await killOperator(kubectl, before.pod);
  await kubectl.run(['delete', 'pod', before.pod, '-n', SYSTEM_NAMESPACE, '--grace-period=0', '--force']);
  await nextLeader(kubectl, before);
}

beforeAll(async () => {
  for (const namespace of [NAMESPACE, DOOMED_NAMESPACE]) await kubectl.run(['create', 'namespace', namespace]);
});

afterAll(async () => {
  const names = [NAMESPACE, DOOMED_NAMESPACE];
  await kubectl.run(['delete', 'namespace', ...names, '--ignore-not-found', '--timeout=120s']);
  await kubectl.run(['rollout', 'status', 'deployment/sluice-operator', '-n', SYSTEM_NAMESPACE, '--timeout=120s']);
});

// An encoder that a failed test left behind would take the next one's CPU.
afterEach(async () => {
  await Promise.all(viewers.splice(0).map((viewer) => viewer.stop()));
  for (const name of names.splice(0)) {
    await platform.delete('Channel', NAMESPACE, name);
    await waitForNoPods(platform, NAMESPACE, name);
  }
});

describe('an operator that is killed', () => {
  const podOf = async (name: string) =>
    (await platform.list<PodView>('Pod', NAMESPACE, `sluice.dev/channel=${name}`))[0] ?? null;
  const phases: readonly (readonly [string, string, (name: string) => Promise<boolean>])[] = [
    [
      'when it has decided',
      'decided',
      async (name) => (await channelStatus(platform, NAMESPACE, name))?.desiredMode === 'Transcode',
    ],
    [
      'when it has made the session',
      'session',
      async (name) => (await kubectl.get(['streamsession', `${name}-1`, '-n', NAMESPACE])) !== null,
    ],
    ['when it has made the pod', 'pod', async (name) => (await podOf(name)) !== null],
    ['while the encoder starts', 'encoder', async (name) => (await podOf(name))?.status?.phase === 'Running'],
    [
      'when viewers have been switched',
      'switched',
      async (name) => (await channelStatus(platform, NAMESPACE, name))?.mode === 'Transcode',
    ],
  ];

  test.each(phases)('%s is followed by one that finishes the promotion with the same pod', async (_when, name, is) => {
    const viewer = await playing(name);
    await applyChannel(name, 'Transcode');
    await eventually(`the promotion is at "${name}"`, async () => ((await is(name)) ? true : null), {
      timeoutSeconds: PROMOTION_SECONDS,
      intervalSeconds: 0.05,
    });
    await killLeader();
    await waitForMode(platform, NAMESPACE, name, 'Transcode', PROMOTION_SECONDS);
    expect(await sessionPods(platform, NAMESPACE, name)).toEqual([`${name}-1-1`]);
    await expectUndisturbed(viewer);
  });
});

describe('an API server that is restarted', () => {
  test('costs no viewer a segment, and the operator follows what changes afterwards', async () => {
    const viewer = await playing('restarted');
    await applyChannel('restarted', 'Transcode');
    await waitForMode(platform, NAMESPACE, 'restarted', 'Transcode', PROMOTION_SECONDS);
    const pods = await sessionPods(platform, NAMESPACE, 'restarted');
    await restartApiServer(API_AWAY_SECONDS);
    expect(await sessionPods(platform, NAMESPACE, 'restarted')).toEqual(pods);
    await applyChannel('restarted', 'Proxy');
    await waitForMode(platform, NAMESPACE, 'restarted', 'Proxy', 60);
    await waitForNoPods(platform, NAMESPACE, 'restarted');
    await expectUndisturbed(viewer);
  });
});

describe('a namespace that is deleted', () => {
  test('takes its channels with it, and nobody else notices', async () => {
    const neighbour = await playing('neighbour');
    await applyChannel('doomed', 'Transcode', DOOMED_NAMESPACE);
    await eventually(
      'the doomed channel has a pod',
      async () => ((await sessionPods(platform, DOOMED_NAMESPACE)).length > 0 ? true : null),
      { timeoutSeconds: PROMOTION_SECONDS },
    );
    const viewer = await watch('doomed', DOOMED_NAMESPACE);
    await kubectl.run(['delete', 'namespace', DOOMED_NAMESPACE, '--timeout=120s']);
    await viewer.stop();
    const { pod } = await nextLeader(kubectl, null);
    const failed = await metricOf(kubectl, pod, 'controller_runtime_reconcile_errors_total');
    expect(failed).toBeLessThan(20); // refused writes into a namespace that ends are not tried for ever
    await expectUndisturbed(neighbour);
  });
});
