import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chooseBackend } from '../cluster/backend.ts';
import { ensureCluster, ensureSecondNode, removeSecondNode } from '../cluster/cluster.ts';
import { readConfig } from '../cluster/config.ts';
import { eventually } from '../install/kubectl.ts';
import { decodeFolder } from '../viewer/decode.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer } from '../viewer/viewer.ts';
import { type ConditionView, eventsOf, waitForMode } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest } from './manifests.ts';

const { kubectl, edgeUrl, addresses, artifactFolder } = readEnvironment();
const platform = readPlatform();
const NAMESPACE = 'gpu';
const RESOURCE = 'nvidia.com/gpu';
const WAIT_SECONDS = 5;
const TARGET_DURATION_SECONDS = 2;
/** Three pods encode on one machine at a time here; viewers get the rungs only when three rows in a row come in time. */
const TRANSCODE_SECONDS = 150;
/** A kind cluster has the nodes that it was made with: there the run reports these tests as skipped. */
const isKind = (await chooseBackend(readConfig())) === 'kind';
const onTwoNodes = isKind ? describe.skip : describe;
/** Name of the node with the two devices. */
let gpuNode = '';

interface Pod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly [
      {
        readonly env: readonly { readonly name: string; readonly value: string }[];
        readonly resources: { readonly limits?: Readonly<Record<string, string>> };
      },
    ];
  };
  readonly status: { readonly phase: string };
}

interface Session {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly podName?: string;
    readonly encoder?: string;
    readonly accelerator?: string;
    readonly conditions?: readonly ConditionView[];
  };
}

/** A channel that is transcoded from the start, on a GPU if there is one, as cheaply as can be. */
async function addChannel(name: string): Promise<void> {
  const manifest = channelManifest({
    namespace: NAMESPACE,
    name,
    uri: 'http://demo-source.demo.svc/film/index.m3u8',
    spec: {
      delivery: { minimumMode: 'Transcode', hysteresisSeconds: 0 },
      transcode: {
        preset: 'ultrafast',
        ladder: [{ name: '64p', height: 64, bitrateBps: 50_000 }],
        resources: { requests: { cpu: '500m', memory: '64Mi' } },
        gpu: { waitSeconds: WAIT_SECONDS },
      },
    },
  });
  await kubectl.run(['create', '-f', '-'], manifest);
}

async function sessionOf(channel: string): Promise<Session | undefined> {
  const list = await kubectl.get<{ items: Session[] }>(['ssn', '-n', NAMESPACE, '-l', `sluice.dev/channel=${channel}`]);
  return list?.items[0];
}

/** Waits until the session of a channel has its condition Accelerated with this reason, and its pod runs. */
async function accelerated(channel: string, reason: string, timeoutSeconds = 60): Promise<Session & { pod: Pod }> {
  return eventually(
    `the session of ${channel} says ${reason}`,
    async () => {
      const session = await sessionOf(channel);
      const condition = session?.status?.conditions?.find(({ type }) => type === 'Accelerated');
      if (session === undefined || condition?.reason !== reason) return null;
      const pod = await podNamed(session.status?.podName ?? '');
      return pod?.status.phase === 'Running' ? { ...session, pod } : null;
    },
    { timeoutSeconds },
    async () => JSON.stringify([await sessionOf(channel), await pods(channel)], null, 2),
  );
}

function podNamed(name: string): Promise<Pod | null> {
  return kubectl.get<Pod>(['pod', name, '-n', NAMESPACE]);
}

async function pods(channel: string): Promise<readonly Pod[]> {
  const selector = `sluice.dev/channel=${channel}`;
  return (await kubectl.get<{ items: Pod[] }>(['pods', '-n', NAMESPACE, '-l', selector]))?.items ?? [];
}

function messageOf(session: Session): string {
  return session.status?.conditions?.find(({ type }) => type === 'Accelerated')?.message ?? '';
}

/** What the container sees of its device: the plugin's variable and the device nodes. */
async function devicesIn(pod: string): Promise<readonly string[]> {
  const script = 'echo "$NVIDIA_VISIBLE_DEVICES $NVIDIA_DRIVER_CAPABILITIES"; ls /dev | grep test-gpu';
  const lines = await kubectl.run(['exec', '-n', NAMESPACE, pod, '--', 'sh', '-c', script]);
  return lines.trim().split('\n');
}

beforeAll(async () => {
  if (isKind) return;
  const cluster = await ensureCluster();
  gpuNode = await ensureSecondNode(cluster, { resourceName: RESOURCE, count: 2 });
  await kubectl.run(['taint', 'node', gpuNode, `${RESOURCE}=present:NoSchedule`, '--overwrite']);
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  await kubectl.run(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']);
}, 300_000);

afterAll(async () => {
  if (isKind) return;
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=120s']);
  await removeSecondNode();
}, 200_000);

onTwoNodes('three channels that ask for a GPU, and a node with two', () => {
  test('the first two get one each, and their containers see what was allocated to them', async () => {
    await addChannel('first');
    await addChannel('second');
    const sessions = await Promise.all(['first', 'second'].map((name) => accelerated(name, 'EncoderFallback')));
    const seen: string[] = [];
    for (const { pod, status } of sessions) {
      expect([status?.accelerator, pod.spec.nodeName]).toEqual([RESOURCE, gpuNode]);
      const [container] = pod.spec.containers;
      expect(container.resources.limits?.[RESOURCE]).toBe('1');
      expect(container.env.map(({ name }) => name)).not.toContain('NVIDIA_VISIBLE_DEVICES');
      const [variables = '', ...nodes] = await devicesIn(pod.metadata.name);
      const [device = '', capabilities] = variables.split(' ');
      expect(capabilities).toBe('compute,video,utility');
      expect(nodes).toEqual([device]);
      seen.push(device);
    }
    expect(seen.sort()).toEqual(['test-gpu-0', 'test-gpu-1']);
  });

  test('a device that cannot encode is told by FFmpeg in a trial, and the session encodes on the CPU', async () => {
    const session = await accelerated('first', 'EncoderFallback');
    expect(session.status?.encoder).toBe('libx264');
    expect(messageOf(session)).toMatch(
      /has nvidia\.com\/gpu and encodes with libx264 on the CPU: h264_nvenc: .+libcuda/,
    );
    expect(await eventsOf(platform, NAMESPACE, 'first')).toContainEqual(
      expect.stringMatching(/^EncoderFallback StreamSession first-1: .*h264_nvenc/),
    );
  });

  test('the third goes on with a CPU pod, and quotes the scheduler', async () => {
    await addChannel('third');
    const session = await accelerated('third', 'GpuUnavailable');
    expect(session.status).toMatchObject({ podName: 'third-1-2', accelerator: 'cpu' });
    expect(messageOf(session)).toMatch(/^0\/\d+ nodes are available: .*Insufficient nvidia\.com\/gpu/);
    expect(session.pod.spec.nodeName).not.toBe(gpuNode);
    expect(session.pod.spec.containers[0].resources.limits?.[RESOURCE]).toBeUndefined();
    expect((await pods('third')).map(({ metadata }) => metadata.name)).toEqual(['third-1-2']);
    await waitForMode(platform, NAMESPACE, 'third', 'Transcode', TRANSCODE_SECONDS);
    expect(await eventsOf(platform, NAMESPACE, 'third')).toContainEqual(
      expect.stringMatching(/^EncoderFallback StreamSession third-1: 0\/\d+ nodes are available/),
    );
  });

  test('a freed device is used again by the next session of the third', async () => {
    await kubectl.run(['delete', 'channel', 'first', '-n', NAMESPACE]);
    await eventually('the pod of the first is gone', async () => ((await pods('first')).length === 0 ? true : null), {
      timeoutSeconds: 90,
    });
    await kubectl.run(['delete', 'ssn', 'third-1', '-n', NAMESPACE]);
    const session = await accelerated('third', 'EncoderFallback', 120);
    expect(session.status).toMatchObject({ podName: 'third-2-1', accelerator: RESOURCE });
    expect(session.pod.spec.nodeName).toBe(gpuNode);
  });
});

onTwoNodes('a GPU node that is drained while somebody watches', () => {
  const folder = join(artifactFolder, 'viewer-gpu-drain');
  const options = { edgeUrl, namespace: NAMESPACE, channel: 'second', rung: '64p', addresses, folder };

  test('moves its sessions to the CPU of the other node, and the viewer plays on', async () => {
    await rm(folder, { recursive: true, force: true });
    await waitForMode(platform, NAMESPACE, 'second', 'Transcode', TRANSCODE_SECONDS);
    const viewer = startViewer(options);
    await viewer.started;
    await sleep(3 * TARGET_DURATION_SECONDS * 1000);
    await kubectl.run(['drain', gpuNode, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=150s']);
    for (const channel of ['second', 'third']) {
      const session = await accelerated(channel, 'GpuUnavailable', 90);
      expect(messageOf(session)).toContain('unschedulable');
      expect(session.pod.spec.nodeName).not.toBe(gpuNode);
    }
    const attempts = () => new Set(viewer.record.downloads.map(({ url }) => /\.(\d+)\.ts/.exec(url)?.[1]));
    await eventually('the viewer gets segments of the CPU pod', async () => (attempts().has('3') ? true : null), {
      timeoutSeconds: TRANSCODE_SECONDS,
    });
    await sleep(3 * TARGET_DURATION_SECONDS * 1000);
    await viewer.stop();
    expect(viewer.record.problems).toEqual([]);
    expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    // Of the source in between (0), of the pod that was drained, and of the one that took its place.
    expect([...attempts()].sort()).toEqual(['0', '1', '3']);
  }, 400_000);

  test('every frame that the viewer got is there', async () => {
    const { steps, complaints } = await decodeFolder(folder);
    expect(steps).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('its device is used again after the drain', async () => {
    await kubectl.run(['uncordon', gpuNode]);
    await kubectl.run(['delete', 'ssn', '-n', NAMESPACE, '-l', 'sluice.dev/channel=second']);
    const session = await accelerated('second', 'EncoderFallback', 120);
    expect(session.pod.spec.nodeName).toBe(gpuNode);
  });
});
