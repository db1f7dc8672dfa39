import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../install/kubectl.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { startViewer, type Viewer, type ViewerRecord } from '../viewer/viewer.ts';
import { sessionPods, waitForCondition, waitForMode, waitForNoPods, waitForProbe } from './channel-state.ts';
import { readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';

const platform = readPlatform();
const { edgeUrl, addresses, source, pace } = platform;
const NAMESPACE = 'losses';
const FILM = `${source.url}/losses/film/index.m3u8`;
/** Plays while others lose something. */
const NEIGHBOUR = 'neighbour';
const TARGET_DURATION_SECONDS = 2;
const SMALL_LADDER = [{ name: '240p', height: 240, bitrateBps: 300_000 }];
const AT_LEAST_TRANSCODE = { minimumMode: 'Transcode', hysteresisSeconds: 2 };

/** Makes a channel that plays the film, and one viewer of it. */
async function watchNew(name: string, spec: object = {}): Promise<Viewer> {
  await platform.apply(channelManifest({ namespace: NAMESPACE, name, uri: FILM, spec }));
  await waitForProbe(platform, NAMESPACE, name);
  const viewer = startViewer({ edgeUrl, namespace: NAMESPACE, channel: name, session: `losses-${name}`, addresses });
  await viewer.started;
  return viewer;
}

const remove = (name: string) => platform.delete('Channel', NAMESPACE, name);

const modeOf = (name: string, mode: string, timeoutSeconds: number) =>
  waitForMode(platform, NAMESPACE, name, mode, timeoutSeconds);

/** Kills the transcode pod of a channel, and waits until another one does its work. @returns what its viewer saw */
async function killTranscode(): Promise<ViewerRecord> {
  const name = 'killed';
  const transcode = { ladder: SMALL_LADDER, preset: pace.preset };
  const viewer = await watchNew(name, { delivery: AT_LEAST_TRANSCODE, transcode });
  await modeOf(name, 'Transcode', 100);
  const [pod = ''] = await sessionPods(platform, NAMESPACE, name);
  await platform.delete('Pod', NAMESPACE, pod, { graceSeconds: 0 });
  await eventually(
    'another pod runs',
    async () => {
      const pods = await sessionPods(platform, NAMESPACE, name);
      return pods.length === 1 && pods[0] !== pod ? true : null;
    },
    { timeoutSeconds: 60 },
  );
  await modeOf(name, 'Transcode', 100);
  await sleep(5000);
  await viewer.stop();
  await remove(name);
  await waitForNoPods(platform, NAMESPACE, name);
  return viewer.record;
}

/** Lets a channel want a pod that no node can take. @returns what its viewer saw, and the message of the condition */
async function findNoNode(): Promise<ViewerRecord & { readonly message: string }> {
  const name = 'unschedulable';
  const transcode = { ladder: SMALL_LADDER, nodeSelector: { 'example.org/no-such-node': 'true' } };
  const viewer = await watchNew(name, { delivery: AT_LEAST_TRANSCODE, transcode });
  await modeOf(name, 'Proxy', 30);
  const channel = { namespace: NAMESPACE, name };
  const { message } = await waitForCondition(platform, channel, 'TranscodeHealthy', 'False', 60);
  await viewer.stop();
  await remove(name);
  return { ...viewer.record, message };
}

/** Deletes a channel that is watched. @returns the files that its edges still have at the end */
async function deleteWatched(): Promise<readonly string[]> {
  const name = 'deleted';
  const viewer = await watchNew(name, { delivery: { minimumMode: 'Proxy' } });
  await remove(name);
  await eventually(
    'the edge has forgotten the channel',
    async () => {
      const answer = await fetch(`${edgeUrl}/live/${NAMESPACE}/${name}/index.m3u8`);
      const { error } = answer.status === 404 ? ((await answer.json()) as { error?: { code: string } }) : {};
      return error?.code === 'CHANNEL_UNKNOWN' ? true : null;
    },
    { timeoutSeconds: 20 },
  );
  await viewer.stop();
  return eventually(
    'its files are gone',
    async () => {
      const files = await platform.filesOfChannel(NAMESPACE, name);
      return files.length === 0 ? files : null;
    },
    { timeoutSeconds: 30 },
  );
}

/** Watches a healthy channel all the while: no loss of another channel may show here. */
let neighbour: Viewer;
let killed: Promise<ViewerRecord>;
let unschedulable: Promise<ViewerRecord & { readonly message: string }>;
let deleted: Promise<readonly string[]>;

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
  neighbour = await watchNew(NEIGHBOUR);
  // All at once: each is mostly a wait for its own channel.
  [killed, unschedulable, deleted] = [killTranscode(), findNoNode(), deleteWatched()];
  for (const loss of [killed, unschedulable, deleted]) loss.catch(() => {}); // told by its own test
});

afterAll(async () => {
  await neighbour?.stop();
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`what dies does not take its viewers along (${platform.name})`, () => {
  test('a Channel deleted while it is watched: 404 for its viewers, and nothing is left of it', async () => {
    expect(await deleted).toEqual([]);
  });

  test('a transcode pod that never starts: the channel stays in Proxy and says what the scheduler says', async () => {
    const { problems, message } = await unschedulable;
    expect(message).toMatch(/nodes? (are available|didn't match)|node affinity|selector/);
    expect(problems).toEqual([]);
  });

  test('a transcode pod that is killed: the source goes on, and another pod takes over', async () => {
    const { problems, polls } = await killed;
    expect(problems).toEqual([]);
    expect(pollViolations(polls, TARGET_DURATION_SECONDS)).toEqual([]);
  });

  test('the neighbour channel noticed nothing of all this', async () => {
    await neighbour.stop();
    expect(neighbour.record.problems).toEqual([]);
    expect(pollViolations(neighbour.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    // It played meanwhile; how often it looked says how quick the others were.
    expect(neighbour.record.polls.length).toBeGreaterThan(3);
  });
});
