import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { watchCrowd } from '../failover/crowd-watch.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { createViewerClient } from '../viewer/client.ts';
import { type Poll, pollViolations } from '../viewer/invariants.ts';
import { parseMediaPlaylist } from '../viewer/media-playlist.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForMode, waitForNoPods, waitForStatus } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';

const { kubectl } = readEnvironment();
const platform = readPlatform();
const { addresses, source, pace } = platform;
const NAMESPACE = 'edges';
const CHANNEL = 'shared';
/** Enough for Transcode by the default thresholds, half of them at each edge. */
const VIEWERS = 6;
const TARGET_DURATION_SECONDS = 2;

/** The ids of an edge that is gone count for `viewers.timeoutSeconds`, 60 by default. */
const EDGE_FORGOTTEN_SECONDS = 90;

interface EdgePod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Of the rolling update; `npm run bench -- rollout` has more. */
const CROWD = Number(process.env.SLUICE_E2E_CROWD ?? 20);

const viewers: Viewer[] = [];
let edges: readonly string[] = [];

async function edgePods(): Promise<readonly EdgePod[]> {
  const selector = 'app.kubernetes.io/component=edge';
  return (await kubectl.get<{ items: EdgePod[] }>(['pods', '-n', SYSTEM_NAMESPACE, '-l', selector]))?.items ?? [];
}

/** URLs of the ready edge pods. */
async function edgeUrls(): Promise<readonly string[]> {
  return (await edgePods())
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ status }) => status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
    .map(({ status }) => `http://${status.podIP}:8080`);
}

async function scaleEdges(replicas: number): Promise<readonly string[]> {
  await kubectl.run(['scale', 'deployment/sluice-edge', '-n', SYSTEM_NAMESPACE, `--replicas=${replicas}`]);
  return eventually(
    `${replicas} edges are ready`,
    async () => {
      const urls = await edgeUrls();
      return urls.length === replicas ? urls : null;
    },
    { timeoutSeconds: 90 },
  );
}

/** Polls like a player behind a load balancer that never picks the same edge twice in a row. */
async function alternate(ends: AbortSignal): Promise<{ readonly polls: Poll[]; readonly problems: string[] }> {
  const client = createViewerClient(addresses);
  const result = { polls: [] as Poll[], problems: [] as string[] };
  for (let poll = 0; !ends.aborted; poll += 1) {
    const url = `${edges[poll % edges.length]}/live/${NAMESPACE}/${CHANNEL}/source.m3u8?session=alternating`;
    const answer = await client.get(url, AbortSignal.timeout(10_000));
    const text = answer.body.toString();
    if (answer.status === 200) {
      result.polls.push({ atMilliseconds: performance.now(), playlist: parseMediaPlaylist(text) });
    } else result.problems.push(`${url} answered ${answer.status}: ${text}`);
    await sleep((TARGET_DURATION_SECONDS * 1000) / 2);
  }
  await client.close();
  return result;
}

async function applyChannel(delivery: { readonly exposeSource?: boolean }): Promise<void> {
  const spec = {
    delivery: { hysteresisSeconds: pace.hysteresisSeconds, ...delivery },
    transcode: {
      preset: 'ultrafast',
      ladder: [{ name: '120p', height: 120, bitrateBps: 150_000 }],
      // Enough that a busy machine does not make it late.
      resources: { requests: { cpu: '250m', memory: '64Mi' } },
    },
  };
  const uri = `${source.url}/edges/film/index.m3u8`;
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
}

beforeAll(async () => {
  edges = await scaleEdges(2);
  await platform.apply(namespaceManifest(NAMESPACE));
  await applyChannel({});
});

afterAll(async () => {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await platform.delete('Channel', NAMESPACE, CHANNEL);
  await platform.delete('Namespace', '', NAMESPACE);
  await scaleEdges(1);
});

describe('two edges', () => {
  test('are one channel to whoever polls them by turns, while it goes up to Transcode', async () => {
    const ends = new AbortController();
    const turns = alternate(ends.signal);
    for (let index = 0; index < VIEWERS; index += 1) {
      const edgeUrl = edges[index % edges.length] ?? '';
      const options = { edgeUrl, namespace: NAMESPACE, channel: CHANNEL, addresses };
      const folder = `${platform.artifactFolder}/two-edges-${index}`;
      viewers.push(
        startViewer({ ...options, session: `edges-${index}`, rung: index === 0 ? 'source' : '120p', folder }),
      );
    }
    await Promise.all(viewers.map((viewer) => viewer.started));
    // The agent asks the internal Service, and so either edge.
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Transcode', 90).finally(() => ends.abort());
    const { polls, problems } = await turns;
    expect(problems).toEqual([]);
    expect(polls.length).toBeGreaterThan(10);
    expect(pollViolations(polls, TARGET_DURATION_SECONDS)).toEqual([]);
  });

  test('have one audience, in which nobody is counted twice or left out', async () => {
    const count = VIEWERS + 1;
    // Until the pods of an edge that has been replaced are forgotten, the count may miss somebody.
    const audience = await waitForStatus(
      platform,
      { namespace: NAMESPACE, name: CHANNEL },
      `has had ${count} viewers, and knows them`,
      ({ viewers: seen }) => (seen?.state === 'Known' && (seen.peak ?? 0) >= count ? seen : null),
      EDGE_FORGOTTEN_SECONDS,
    );
    expect(audience.peak).toBe(count);
    const client = createViewerClient(addresses);
    const statuses = () =>
      Promise.all(
        edges.map(async (edge) => {
          const url = `${edge}/api/stream/${NAMESPACE}/${CHANNEL}/status`;
          return JSON.parse((await client.get(url, AbortSignal.timeout(5_000))).body.toString());
        }),
      );
    // What the owner knows at once another edge has by way of the operator.
    const [one] = await eventually(
      'both edges show the same status',
      async () => {
        const [first, second] = await statuses();
        return isDeepStrictEqual(first, second) ? [first] : null;
      },
      { timeoutSeconds: 30 },
    );
    await client.close();
    expect(one).toMatchObject({ targetMode: 'transcode', peakViewers: count, viewersScope: 'all' });
  });

  test('let every viewer play without a problem, whichever edge it came to', async () => {
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
      expect(viewer.record.downloads.filter(({ status }) => status !== 200)).toEqual([]);
      expect(viewer.record.downloads.length).toBeGreaterThan(5);
    }
    await waitForNoPods(platform, NAMESPACE, CHANNEL);
  });
});

describe('a rolling update of three edges', () => {
  test('is nothing to viewers and their count', async () => {
    // Names of the cluster are unknown outside of it: for a crowd, a source in Direct would be one that is away.
    await applyChannel({ exposeSource: false });
    await scaleEdges(3);
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Idle', 60);
    const crowd = {
      edgeUrl: platform.edgeUrl,
      namespace: NAMESPACE,
      channel: CHANNEL,
      count: CROWD,
      rung: 'source',
      fetchesSegments: true,
      heartbeats: false,
      sessionPrefix: 'rolled',
      checks: 5,
    };
    const history = await watchCrowd(crowd, async () => {
      const before = await edgeUrls();
      await kubectl.run(['rollout', 'restart', 'deployment/sluice-edge', '-n', SYSTEM_NAMESPACE]);
      await kubectl.run(['rollout', 'status', 'deployment/sluice-edge', '-n', SYSTEM_NAMESPACE, '--timeout=120s']);
      const gone = async () => ((await edgePods()).length === 3 ? true : null);
      await eventually('the old edges are gone', gone, { timeoutSeconds: 90 });
      expect((await edgeUrls()).filter((url) => before.includes(url))).toEqual([]);
    });
    const { crowd: report, counts, seconds } = history;
    process.stderr.write(
      `${CROWD} viewers, ${seconds.toFixed(0)} s: ${JSON.stringify({ ...report, counts: [...counts] })}\n`,
    );
    expect({ problems: report.problems, last: report.lastProblem }).toEqual({ problems: 0, last: '' });
    expect(report.stalls).toBe(0);
    expect([...counts.keys()]).toEqual([CROWD]);
  });
});
