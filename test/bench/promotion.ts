import { setTimeout as sleep } from 'node:timers/promises';
import { sessionPods, waitForMode, waitForNoPods, waitForProbe } from '../e2e/channel-state.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import type { Platform } from '../e2e/platform/platform.ts';
import { eventually, type Kubectl } from '../install/kubectl.ts';
import { startViewer } from '../viewer/viewer.ts';
import { type Measurement, percentile } from './statistics.ts';

const NAMESPACE = 'bench-promotion';
const SOURCE = 'http://demo-source.demo.svc/film/index.m3u8';
const TARGET_DURATION_SECONDS = 2;
const RUNS = 3;
const LADDER = [
  { name: '360p', height: 360, bitrateBps: 800_000 },
  { name: '240p', height: 240, bitrateBps: 400_000 },
];

interface Run {
  /** From the first line of the container's log. */
  readonly firstSegmentsSeconds: number;
  readonly switchSeconds: number;
}

/** Transcode container started -> first segment of every rung stored at the edge -> channel switched. */
export async function measurePromotion(kubectl: Kubectl, platform: Platform): Promise<Measurement[]> {
  await platform.apply(namespaceManifest(NAMESPACE));
  try {
    const runs: Run[] = [];
    for (let index = 0; index < RUNS; index += 1) runs.push(await measureOnce(kubectl, platform, `film-${index}`));
    const text = (samples: readonly number[]) =>
      `median ${percentile(samples, 0.5).toFixed(1)} s, worst ${percentile(samples, 1).toFixed(1)} s`;
    return [
      {
        what: 'transcode container started -> first segment of every rung stored',
        measured: text(runs.map((run) => run.firstSegmentsSeconds)),
        reference: `goal target duration + 1 s = ${TARGET_DURATION_SECONDS + 1} s`,
      },
      {
        what: 'first segments stored -> channel switched to Transcode',
        measured: text(runs.map((run) => run.switchSeconds)),
        reference: `three segments in a row in time: ${3 * TARGET_DURATION_SECONDS} s`,
      },
    ];
  } finally {
    await platform.delete('Namespace', '', NAMESPACE);
  }
}

async function measureOnce(kubectl: Kubectl, platform: Platform, name: string): Promise<Run> {
  const { edgeUrl, addresses } = platform;
  const spec = { delivery: { minimumMode: 'Proxy', hysteresisSeconds: 0 }, transcode: { ladder: LADDER } };
  await platform.apply(channelManifest({ namespace: NAMESPACE, name, uri: SOURCE, spec }));
  const viewer = (index: number) =>
    startViewer({ edgeUrl, namespace: NAMESPACE, channel: name, session: `bench-${index}`, addresses });
  await waitForProbe(platform, NAMESPACE, name);
  const viewers = [viewer(0)];
  await viewers[0]?.started;
  await sleep(5000);
  viewers.push(...[1, 2, 3].map(viewer));
  const pod = await eventually(
    'a transcode pod exists',
    async () => (await sessionPods(platform, NAMESPACE, name))[0] ?? null,
    { timeoutSeconds: 30 },
  );
  const storedAt = await eventually('every rung has a segment', () => firstCompleteRow(platform, name), {
    timeoutSeconds: 60,
    intervalSeconds: 0.05,
  });
  await waitForMode(platform, NAMESPACE, name, 'Transcode', 60);
  const switchedAt = Date.now();
  const log = await kubectl.run(['logs', pod, '-n', NAMESPACE, '--timestamps']);
  const startedAt = Date.parse(log.split(' ')[0] ?? '');
  await Promise.all(viewers.map((one) => one.stop()));
  await platform.delete('Channel', NAMESPACE, name);
  // The next run must not wait for CPU that this one's pod still holds.
  await waitForNoPods(platform, NAMESPACE, name);
  return { firstSegmentsSeconds: (storedAt - startedAt) / 1000, switchSeconds: (switchedAt - storedAt) / 1000 };
}

/** When a segment of every rung was first seen in the edge's store, in ms since the epoch; null before. */
async function firstCompleteRow(platform: Platform, channel: string): Promise<number | null> {
  const files = await platform.filesOfChannel(NAMESPACE, channel);
  return LADDER.every((rung) => files.some((file) => file.includes(`/${rung.name}/`))) ? Date.now() : null;
}
