import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DEMO_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { decodeFolder } from '../viewer/decode.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import {
  type ChannelStatusView,
  channelStatus,
  connectionsTo,
  filesOfChannel,
  sessionPods,
  waitForMode,
} from './channel-state.ts';
import { readEnvironment } from './environment.ts';
import { mediaRequests, type SourceRequest } from './source-log.ts';

const environment = readEnvironment();
const { kubectl, edgeUrl, addresses, artifactFolder } = environment;
const CHANNEL = 'film';
const TARGET_DURATION_SECONDS = 2;
/** Long enough that every delayed change shows its delay, short enough for a test. */
const HYSTERESIS_SECONDS = 6;

const viewers: Viewer[] = [];

function addViewer(rung: string, keep: boolean): Viewer {
  const session = `e2e-${viewers.length}-${Date.now()}`;
  const folder = keep ? { folder: join(artifactFolder, `viewer-${viewers.length}-${rung}`) } : {};
  const viewer = startViewer({
    edgeUrl,
    namespace: DEMO_NAMESPACE,
    channel: CHANNEL,
    session,
    rung,
    addresses,
    ...folder,
  });
  viewers.push(viewer);
  return viewer;
}

const watching: Viewer[] = [];

async function setAudience(count: number): Promise<void> {
  while (watching.length < count) {
    // The first two keep what they get: one plays the source's rendition, the other a rung of the ladder.
    const viewer = addViewer(watching.length === 1 ? '360p' : 'source', watching.length < 2);
    watching.push(viewer);
    await viewer.started;
  }
  await Promise.all(watching.splice(count).map((viewer) => viewer.stop()));
}

function modeIs(mode: string, timeoutSeconds: number): Promise<ChannelStatusView> {
  return waitForMode(kubectl, DEMO_NAMESPACE, CHANNEL, mode, timeoutSeconds);
}

function since(requests: readonly SourceRequest[], start: number): SourceRequest[] {
  return requests.slice(start);
}

afterAll(async () => {
  await Promise.all(watching.splice(0).map((viewer) => viewer.stop()));
});

describe('the mode of a channel follows its audience on a real cluster', () => {
  let logged = 0;

  test('nobody watches: the channel is ready and idle, and no pod runs for it', async () => {
    const patch = JSON.stringify({ spec: { delivery: { hysteresisSeconds: HYSTERESIS_SECONDS } } });
    await kubectl.run(['patch', 'channel', CHANNEL, '-n', DEMO_NAMESPACE, '--type', 'merge', '-p', patch]);
    const status = await modeIs('Idle', 60);
    expect(status.viewers?.count ?? 0).toBe(0);
    expect(await sessionPods(kubectl, DEMO_NAMESPACE)).toEqual([]);
  });

  test('one viewer: Direct, and the edge fetches no media', async () => {
    await eventually(
      'the probe has ended',
      async () => ((await channelStatus(kubectl, DEMO_NAMESPACE, CHANNEL))?.source?.facts ? true : null),
      { timeoutSeconds: 60 },
    );
    logged = (await mediaRequests(kubectl)).length;
    await setAudience(1);
    await modeIs('Direct', 20);
    await sleep(10_000);
    const requests = since(await mediaRequests(kubectl), logged);
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.filter((request) => request.fromPod)).toEqual([]);
  });

  test('two viewers: Proxy at once, and each segment leaves the source once', async () => {
    await setAudience(2);
    await modeIs('Proxy', 10);
    await sleep(6000);
    const start = (await mediaRequests(kubectl)).length;
    await sleep(12_000);
    const requests = since(await mediaRequests(kubectl), start).filter((request) => request.fromPod);
    expect(requests.length).toBeGreaterThan(3);
    expect(new Set(requests.map((request) => request.uri)).size).toBe(requests.length);
  });

  test('four viewers: Transcode after the window, with one pod', async () => {
    await setAudience(4);
    await modeIs('Transcode', 90);
    expect(await sessionPods(kubectl, DEMO_NAMESPACE)).toHaveLength(1);
  });

  test('six viewers share the same pod', async () => {
    await setAudience(6);
    await sleep(14_000);
    const status = await modeIs('Transcode', 5);
    expect(await sessionPods(kubectl, DEMO_NAMESPACE)).toHaveLength(1);
    await eventually(
      'six viewers are counted',
      async () => ((await channelStatus(kubectl, DEMO_NAMESPACE, CHANNEL))?.viewers?.count === 6 ? true : null),
      { timeoutSeconds: 20 },
    );
    expect(status.conditions?.find((condition) => condition.type === 'Ready')?.status).toBe('True');
  });

  test('two viewers: back to Proxy after the window, and the pod is gone', async () => {
    await setAudience(2);
    await modeIs('Proxy', 40);
    await eventually(
      'the transcode pod is gone',
      async () => ((await sessionPods(kubectl, DEMO_NAMESPACE)).length === 0 ? true : null),
      { timeoutSeconds: 90 },
    );
    await sleep(10_000);
  });

  test('nobody: Idle again, no pod, no file', async () => {
    await setAudience(0);
    await modeIs('Idle', 60);
    expect(await sessionPods(kubectl, DEMO_NAMESPACE)).toEqual([]);
    await eventually(
      'the channel has no file at the edge',
      async () => ((await filesOfChannel(kubectl, DEMO_NAMESPACE, CHANNEL)).length === 0 ? true : null),
      { timeoutSeconds: 90 },
    );
  });

  test('no connection to the source is left', async () => {
    const pods = await kubectl.run(['get', 'pods', '-n', DEMO_NAMESPACE, '-o', 'jsonpath={.items[*].status.podIP}']);
    const source = [addresses['demo-source.demo.svc'] ?? '', ...pods.split(' ')];
    await eventually(
      'the edges have closed their connections to the source',
      async () => ((await connectionsTo(kubectl, source)) === 0 ? true : null),
      { timeoutSeconds: 20 },
    );
  });

  test('kubectl tells the story where users look', async () => {
    const table = await kubectl.run(['get', 'channels', '-n', DEMO_NAMESPACE]);
    expect(table.split('\n')[0]?.split(/\s+/)).toEqual(['NAME', 'MODE', 'VIEWERS', 'READY', 'AGE']);
    expect(table).toMatch(/^film\s+Idle\s+0\s+True\s/m);
    const description = await kubectl.run(['describe', 'channel', CHANNEL, '-n', DEMO_NAMESPACE]);
    expect(description).toMatch(/ModeChanged .*Direct to Proxy: 2 viewers: at least 2, the threshold for Proxy/);
    expect(description).toMatch(
      /ModeChanged .*Proxy to Transcode: 4 viewers: at least 4 for 6 s, the threshold for Transcode/,
    );
    expect(description).toMatch(/SessionStarted .*StreamSession film-\d+ created/);
    expect(description).toMatch(/Reason:\s+\d viewers?: too few for Transcode for 6 s/);
  });

  test('no viewer saw a problem, and every playlist kept the rules at every pair of polls', () => {
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    }
  });

  test.each([0, 1])('FFmpeg decodes everything that viewer %i got, without a step', async (index) => {
    const folder = join(artifactFolder, `viewer-${index}-${index === 1 ? '360p' : 'source'}`);
    const report = await decodeFolder(folder);
    expect(report.segments).toBeGreaterThan(20);
    expect(report.frames).toBeGreaterThan(report.segments * 40);
    expect(report.steps).toEqual([]);
    expect(report.complaints).toEqual([]);
  });
});
