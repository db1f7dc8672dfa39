import { setTimeout as sleep } from 'node:timers/promises';
import { channelStatus, filesOfChannel, sessionPods, waitForMode } from '../e2e/channel-state.ts';
import { channelManifest } from '../e2e/manifests.ts';
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
export async function measurePromotion(
  kubectl: Kubectl,
  edgeUrl: string,
  addresses: Readonly<Record<string, string>>,
): Promise<Measurement[]> {
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  try {
    const runs: Run[] = [];
    for (let index = 0; index < RUNS; index += 1)
      runs.push(await measureOnce(kubectl, edgeUrl, addresses, `film-${index}`));
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
    await kubectl.run(['delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=180s']);
  }
}

async function measureOnce(
  kubectl: Kubectl,
  edgeUrl: string,
  addresses: Readonly<Record<string, string>>,
  name: string,
): Promise<Run> {
  const spec = { delivery: { minimumMode: 'Proxy', hysteresisSeconds: 0 }, transcode: { ladder: LADDER } };
  await kubectl.run(['apply', '-f', '-'], channelManifest({ namespace: NAMESPACE, name, uri: SOURCE, spec }));
  const viewer = (index: number) =>
    startViewer({ edgeUrl, namespace: NAMESPACE, channel: name, session: `bench-${index}`, addresses });
  await eventually(
    'the source is probed',
    async () => ((await channelStatus(kubectl, NAMESPACE, name))?.source?.facts ? true : null),
    { timeoutSeconds: 30 },
  );
  const viewers = [viewer(0)];
  await viewers[0]?.started;
  await sleep(5000);
  viewers.push(...[1, 2, 3].map(viewer));
  const pod = await eventually(
    'a transcode pod exists',
    async () => (await sessionPods(kubectl, NAMESPACE))[0] ?? null,
    { timeoutSeconds: 30 },
  );
  const storedAt = await eventually('every rung has a segment', () => firstCompleteRow(kubectl, name), {
    timeoutSeconds: 60,
    intervalSeconds: 0.05,
  });
  await waitForMode(kubectl, NAMESPACE, name, 'Transcode', 60);
  const switchedAt = Date.now();
  const log = await kubectl.run(['logs', pod, '-n', NAMESPACE, '--timestamps']);
  const startedAt = Date.parse(log.split(' ')[0] ?? '');
  await Promise.all(viewers.map((one) => one.stop()));
  await kubectl.run(['delete', 'channel', name, '-n', NAMESPACE]);
  // The next run must not wait for CPU that this one's pod still holds.
  const podsGone = async () => ((await sessionPods(kubectl, NAMESPACE)).length === 0 ? true : null);
  await eventually('the transcode pod is gone', podsGone, { timeoutSeconds: 90 });
  return { firstSegmentsSeconds: (storedAt - startedAt) / 1000, switchSeconds: (switchedAt - storedAt) / 1000 };
}

/** When a segment of every rung was first seen in the edge's store, in ms since the epoch; null before. */
async function firstCompleteRow(kubectl: Kubectl, channel: string): Promise<number | null> {
  const files = await filesOfChannel(kubectl, NAMESPACE, channel);
  return LADDER.every((rung) => files.some((file) => file.includes(`/${rung.name}/`))) ? Date.now() : null;
}
