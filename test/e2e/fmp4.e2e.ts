import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../cluster/process/command.ts';
import { eventually } from '../install/kubectl.ts';
import { createViewerClient } from '../viewer/client.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '../viewer/media-playlist.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import {
  channelStatus,
  sessionPods,
  waitForCondition,
  waitForMode,
  waitForNoPods,
  waitForProbe,
} from './channel-state.ts';
import { readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';
import { mediaRequests } from './source-log.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source, pace } = platform;
const NAMESPACE = 'fmp4';
const CHANNEL = 'film';
/** This suite's own path at the source: its log tells these requests from those of other channels. */
const SOURCE_PATH = '/fmp4/film/fmp4/';
const PLAYLIST = `${edgeUrl}/live/${NAMESPACE}/${CHANNEL}/360p.m3u8`;
const TARGET_DURATION_SECONDS = 2;
/** Enough for Transcode by the default thresholds. */
const VIEWERS = 5;
const SECTION_OF_SOURCE = /^s\/[0-9a-f]{8}\.1\/source\/[0-9a-f]{16}\.mp4$/;
/** Frames per second of the film. */
const FRAME_RATE = 25;

/** Of the rung's segments and the source's own: whose they are, and the initialization section of the same. */
const ORIGINS: readonly { readonly name: string; readonly uri: RegExp; readonly mapUri: RegExp }[] = [
  { name: 'direct', uri: /^http:.*\/\d+\.m4s$/, mapUri: /^http:.*\/init\.mp4$/ },
  { name: 'source', uri: /^s\/[0-9a-f]{8}\.1\/source\/\d+\.0\.m4s$/, mapUri: SECTION_OF_SOURCE },
  {
    name: '360p',
    uri: /^s\/[0-9a-f]{8}\.1\/360p\/\d+\.\d+\.m4s$/,
    mapUri: /^s\/[0-9a-f]{8}\.1\/360p\/[0-9a-f]{16}\.mp4$/,
  },
];

const viewers: Viewer[] = [];

/** Where a viewer's segments came from, one origin after the other; the section of each is of the same. */
function originsSeen({ record }: Viewer): readonly string[] {
  const entries = new Map(record.polls.flatMap(({ playlist }) => playlist.entries.map((entry) => [entry.msn, entry])));
  const names = [...entries.values()]
    .sort((one, other) => one.msn - other.msn)
    .map(({ uri, mapUri }) => ORIGINS.find((one) => one.uri.test(uri) && one.mapUri.test(mapUri ?? ''))?.name ?? uri);
  return names.filter((name, index) => name !== names[index - 1]);
}

/** Ends the last viewers until so many are left. */
async function keepViewers(count: number): Promise<void> {
  await Promise.all(viewers.slice(count).map((viewer) => viewer.stop()));
}

async function addViewer(): Promise<void> {
  const index = viewers.length;
  const folder = `${artifactFolder}/fmp4-${index}`;
  const viewer = startViewer({
    ...{ edgeUrl, namespace: NAMESPACE, channel: CHANNEL, addresses, folder },
    session: `fmp4-${index}`,
    rung: index === 1 ? '360p' : 'source',
  });
  viewers.push(viewer);
  await viewer.started;
}

async function listed(): Promise<MediaPlaylist> {
  const client = createViewerClient(addresses);
  const answer = await client.get(PLAYLIST, AbortSignal.timeout(15_000));
  await client.close();
  expect(answer.status).toBe(200);
  return parseMediaPlaylist(answer.body.toString());
}

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
  const spec = {
    delivery: { hysteresisSeconds: pace.hysteresisSeconds },
    transcode: { ladder: [{ name: '360p', height: 360, bitrateBps: 800_000 }], preset: pace.preset },
  };
  const uri = `${source.url}${SOURCE_PATH}index.m3u8`;
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
  await waitForProbe(platform, NAMESPACE, CHANNEL);
});

afterAll(async () => {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await platform.delete('Channel', NAMESPACE, CHANNEL);
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`a source with fragmented MP4 (${platform.name})`, () => {
  test('is probed, and may be transcoded', async () => {
    const status = await channelStatus(platform, NAMESPACE, CHANNEL);
    expect(status?.source?.facts).toMatchObject({
      container: 'fmp4',
      videoCodec: expect.stringMatching(/^avc1\.64/),
      audioCodec: 'mp4a.40.2',
      height: platform.filmHeight,
      frameRateMilli: FRAME_RATE * 1000,
    });
    await waitForCondition(platform, { namespace: NAMESPACE, name: CHANNEL }, 'TranscodePossible', 'True');
  });

  test("in Direct a viewer gets the source's own section and segments", async () => {
    await addViewer();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Direct', 30);
    const { entries } = await listed();
    expect(entries.length).toBeGreaterThanOrEqual(3);
    const folder = `${source.url}${SOURCE_PATH}`;
    for (const entry of entries) {
      expect(entry.mapUri).toBe(`${folder}init.mp4`);
      expect(entry.uri.startsWith(folder)).toBe(true);
    }
  });

  test('in Proxy all share the stored ones', async () => {
    await addViewer();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Proxy', 30);
    const { entries } = await listed();
    expect(entries.at(-1)?.mapUri).toMatch(SECTION_OF_SOURCE);
    expect(entries.at(-1)?.uri).toMatch(/^s\/[0-9a-f]{8}\.1\/source\/\d+\.0\.m4s$/);
  });

  test('in Transcode its rungs are fragmented MP4 with a section of their own, and the source is still read once', async () => {
    const before = (await mediaRequests(platform, SOURCE_PATH, source.namespace)).length;
    while (viewers.length < VIEWERS) await addViewer();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Transcode', 150);
    expect(await sessionPods(platform, NAMESPACE)).toHaveLength(1);
    const { entries } = await listed();
    // The newest may be the source's again where this machine was late for a moment.
    const own = entries.filter(({ uri }) => /^s\/[0-9a-f]{8}\.1\/360p\/\d+\.\d+\.m4s$/.test(uri));
    expect(own.length).toBeGreaterThan(0);
    for (const { mapUri } of own) expect(mapUri).toMatch(/^s\/[0-9a-f]{8}\.1\/360p\/[0-9a-f]{16}\.mp4$/);
    const others = entries.filter((entry) => !own.includes(entry));
    for (const { uri, mapUri } of others.filter((entry) => entry.uri.startsWith('s/'))) {
      expect([uri, mapUri]).toEqual([expect.stringContaining('/source/'), expect.stringMatching(SECTION_OF_SOURCE)]);
    }
    expect(entries.filter(({ discontinuity }) => discontinuity)).toEqual([]);
    const requests = (await mediaRequests(platform, SOURCE_PATH, source.namespace)).slice(before);
    const byEdge = requests.filter(({ fromEdge }) => fromEdge).map(({ uri }) => uri);
    expect(byEdge.length).toBeGreaterThan(2);
    expect(byEdge).toHaveLength(new Set(byEdge).size);
  });

  test('FFmpeg plays a rung of it live, and on into Proxy', async () => {
    // It is some ten seconds behind what is listed, and is still within the rung when the mode changes.
    const seconds = pace.hysteresisSeconds + 10;
    const words = `ffmpeg -hide_banner -nostdin -v warning -i "$0" -t ${seconds} -f null -progress - - 2>&1`;
    const playing = run('sh', ['-c', words, PLAYLIST], { timeoutSeconds: 90 });
    await keepViewers(2);
    const [text] = await Promise.all([playing, waitForMode(platform, NAMESPACE, CHANNEL, 'Proxy', 90)]);
    const lines = text.split('\n');
    // It says so of every live playlist with EXT-X-MAP, once per reload, its own ones too.
    const expected = /^\[mov,.*Found duplicated MOOV Atom|^ +Last message repeated|^\w+=|^$/;
    expect(lines.filter((line) => !expected.test(line))).toEqual([]);
    const frames = Number(lines.findLast((line) => line.startsWith('frame='))?.slice('frame='.length));
    expect(frames).toBeGreaterThan((seconds - 0.5) * FRAME_RATE);
  });

  test("on the way back to Direct the source's own sections follow, and every playlist that a viewer saw keeps the rules", async () => {
    const [first, onRung] = viewers;
    if (first === undefined || onRung === undefined) throw new Error('two viewers are left');
    await first.stop();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Direct', 90);
    await waitForNoPods(platform, NAMESPACE, CHANNEL);
    await eventually(
      'the viewer of the rung sees Direct again',
      async () => (originsSeen(onRung).length > 3 && originsSeen(onRung).at(-1) === 'direct' ? true : null),
      { timeoutSeconds: 60 },
      async () => originsSeen(onRung).join(', '),
    );
    await keepViewers(0);
    // The source's between the rung's: this machine was late for a moment.
    expect(originsSeen(onRung).join(' ')).toMatch(/^direct source (?:360p source )+direct$/);
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
      expect(viewer.record.downloads.filter(({ status }) => status !== 200)).toEqual([]);
    }
  });
});
