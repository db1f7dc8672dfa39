import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEMO_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { type DecodeReport, decodeFolder } from '../viewer/decode.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import {
  type ChannelStatusView,
  eventsOf,
  sessionPods,
  waitForMode,
  waitForNoPods,
  waitForProbe,
  waitForStatus,
} from './channel-state.ts';
import { type Desertion, desert } from './deserted.ts';
import { readPlatform } from './environment.ts';
import type { PlatformObject } from './platform/platform.ts';
import { mediaRequests } from './source-log.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, pace } = platform;
/** The channel of examples/channel.yaml, as it stands. */
const CHANNEL = 'film';
const SOURCE_PATH = '/film/';
const TARGET_DURATION_SECONDS = 2;

interface ServiceView extends PlatformObject {
  readonly spec: { readonly clusterIP: string };
}

interface PodView extends PlatformObject {
  readonly status: { readonly podIP?: string };
}

const viewers: Viewer[] = [];
const watching: Viewer[] = [];
/** What FFmpeg makes of what the first two viewers got. */
const decoding: Promise<DecodeReport>[] = [];
/** Another channel, whose audience goes while this one is still watched: files take half a minute to go. */
let desertion: Promise<Desertion>;

const rungOf = (index: number) => (index === 1 ? '360p' : 'source');
const folderOf = (index: number) => join(artifactFolder, `viewer-${index}-${rungOf(index)}`);

function addViewer(rung: string, keep: boolean): Viewer {
  const viewer = startViewer({
    edgeUrl,
    namespace: DEMO_NAMESPACE,
    channel: CHANNEL,
    session: `e2e-${viewers.length}-${Date.now()}`,
    rung,
    addresses,
    ...(keep ? { folder: folderOf(viewers.length) } : {}),
  });
  viewers.push(viewer);
  return viewer;
}

async function setAudience(count: number): Promise<void> {
  while (watching.length < count) {
    // The first two keep what they get: one plays the source's rendition, the other a rung of the ladder.
    const viewer = addViewer(rungOf(watching.length), watching.length < 2);
    watching.push(viewer);
    await viewer.started;
  }
  await Promise.all(watching.splice(count).map((viewer) => viewer.stop()));
}

/** Lets the audience watch for as long as the scenario judges a state. */
const watch = () => sleep(pace.watchSeconds * 1000);

const modeIs = (mode: string, timeoutSeconds: number): Promise<ChannelStatusView> =>
  waitForMode(platform, DEMO_NAMESPACE, CHANNEL, mode, timeoutSeconds);

const podsOfChannel = () => sessionPods(platform, DEMO_NAMESPACE, CHANNEL);

const segmentRequests = () => mediaRequests(platform, SOURCE_PATH);

beforeAll(() => {
  desertion = desert(platform, 'audience');
  desertion.catch(() => {}); // told by its own test
});

afterAll(async () => {
  await Promise.all(watching.splice(0).map((viewer) => viewer.stop()));
});

describe(`the mode of a channel follows its audience (${platform.name})`, () => {
  test('nobody watches: the channel is ready and idle, and no pod runs for it', async () => {
    const { hysteresisSeconds, preset } = pace;
    const spec = { delivery: { hysteresisSeconds }, transcode: { preset } };
    await platform.patch('Channel', DEMO_NAMESPACE, CHANNEL, { spec });
    const status = await modeIs('Idle', 60);
    expect(status.viewers?.count ?? 0).toBe(0);
    expect(await podsOfChannel()).toEqual([]);
  });

  test('one viewer: Direct, and the edge fetches no media', async () => {
    await waitForProbe(platform, DEMO_NAMESPACE, CHANNEL);
    const before = (await segmentRequests()).length;
    await setAudience(1);
    await modeIs('Direct', 20);
    await watch();
    const requests = (await segmentRequests()).slice(before);
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.filter((request) => request.fromEdge)).toEqual([]);
  });

  test('two viewers: Proxy at once, and each segment leaves the source once', async () => {
    await setAudience(2);
    await modeIs('Proxy', 10);
    const before = (await segmentRequests()).length;
    await watch();
    const requests = (await segmentRequests()).slice(before).filter((request) => request.fromEdge);
    expect(requests.length).toBeGreaterThanOrEqual(Math.floor(pace.watchSeconds / TARGET_DURATION_SECONDS) - 1);
    expect(new Set(requests.map((request) => request.uri)).size).toBe(requests.length);
  });

  test('four viewers: Transcode after the window, with one pod', async () => {
    await setAudience(4);
    await modeIs('Transcode', 150);
    expect(await podsOfChannel()).toHaveLength(1);
  });

  test('six viewers share the same pod', async () => {
    await setAudience(6);
    await watch();
    const sixCounted = (status: ChannelStatusView) =>
      status.mode === 'Transcode' && status.viewers?.count === 6 ? status : null;
    const channel = { namespace: DEMO_NAMESPACE, name: CHANNEL };
    const status = await waitForStatus(platform, channel, 'counts six viewers in Transcode', sixCounted, 60);
    expect(await podsOfChannel()).toHaveLength(1);
    expect(status.conditions?.find((condition) => condition.type === 'Ready')?.status).toBe('True');
  });

  test('two viewers: back to Proxy after the window, and the pod is gone', async () => {
    await setAudience(2);
    await modeIs('Proxy', 40);
    await waitForNoPods(platform, DEMO_NAMESPACE, CHANNEL);
    await sleep(3 * TARGET_DURATION_SECONDS * 1000);
  });

  test('nobody: Idle again, and no pod', async () => {
    await setAudience(0);
    decoding.push(...viewers.slice(0, 2).map((_, index) => decodeFolder(folderOf(index))));
    for (const report of decoding) report.catch(() => {}); // told by their own tests
    await modeIs('Idle', 60);
    expect(await podsOfChannel()).toEqual([]);
  });

  test('everybody leaves a channel in Transcode: Idle, no pod, no file', async () => {
    const { watched, deserted, problems } = await desertion;
    expect(problems).toEqual([]);
    expect(watched.pods).toHaveLength(1);
    expect(watched.files.length).toBeGreaterThan(0);
    expect(deserted).toEqual({ pods: [], files: [] });
  });

  test('no connection to the source is left', async () => {
    const pods = await platform.list<PodView>('Pod', DEMO_NAMESPACE);
    const service = await platform.get<ServiceView>('Service', DEMO_NAMESPACE, 'demo-source');
    const source = [service?.spec.clusterIP ?? '', ...pods.flatMap((pod) => pod.status.podIP ?? [])];
    await eventually(
      'the edges have closed their connections to the source',
      async () => ((await platform.connectionsTo(source)) === 0 ? true : null),
      { timeoutSeconds: 20 },
    );
  });

  test('the Events and the decisions of the channel tell the story', async () => {
    const events = (await eventsOf(platform, DEMO_NAMESPACE, CHANNEL)).join('\n');
    const window = pace.hysteresisSeconds;
    expect(events).toContain('ModeChanged Direct to Proxy: 2 viewers: at least 2, the threshold for Proxy');
    expect(events).toContain(
      `ModeChanged Proxy to Transcode: 4 viewers: at least 4 for ${window} s, the threshold for Transcode`,
    );
    expect(events).toMatch(/^SessionStarted StreamSession film-\d+ created$/m);
    const { decisions = [] } = await modeIs('Idle', 1);
    expect(decisions.map((decision) => decision.reason)).toContainEqual(
      expect.stringMatching(new RegExp(`^\\d viewers?: too few for Transcode for ${window} s`)),
    );
  });

  test('no viewer saw a problem, and every playlist kept the rules at every pair of polls', () => {
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    }
  });

  test.each([0, 1])('FFmpeg decodes everything that viewer %i got, without a step', async (index) => {
    const report = await decoding[index];
    expect(report?.segments).toBeGreaterThan(15);
    expect(report?.frames).toBeGreaterThan((report?.segments ?? 0) * 40);
    expect(report?.steps).toEqual([]);
    expect(report?.complaints).toEqual([]);
  });
});
