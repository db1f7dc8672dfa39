import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { percentile } from '../bench/statistics.ts';
import { pollViolations } from '../viewer/invariants.ts';
import type { Download } from '../viewer/play.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForMode } from './channel-state.ts';
import { readPlatform } from './environment.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';
import { mediaRequests } from './source-log.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source, pace } = platform;
const NAMESPACE = 'sharing';
const CHANNEL = 'shared';
/** This suite's own path at the source: its log tells these requests from those of other channels. */
const SOURCE_PATH = '/sharing/film/';
const CLIENTS = 20;
const TARGET_DURATION_SECONDS = 2;
/** Enough to see a pattern. */
const MINIMUM_SEGMENTS = 8;

const viewers: Viewer[] = [];

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
  const spec = { delivery: { minimumMode: 'Proxy', maximumMode: 'Proxy' } };
  const uri = `${source.url}${SOURCE_PATH}index.m3u8`;
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
  await waitForMode(platform, NAMESPACE, CHANNEL, 'Proxy', 30);
});

afterAll(async () => {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await platform.delete('Channel', NAMESPACE, CHANNEL);
  await platform.delete('Namespace', '', NAMESPACE);
});

/**
 * How much longer each client after the first waited for the same segment, in milliseconds: to be read, and judged by `npm run
 * bench -- edge`, which has the machine to itself.
 */
function extraWaits(downloads: readonly Download[]): number[] {
  const byMsn = Map.groupBy(downloads, (download) => download.msn);
  return [...byMsn.values()].flatMap((same) => {
    const [first, ...later] = same.toSorted((a, b) => a.atMilliseconds - b.atMilliseconds);
    return later.map((download) => download.milliseconds - (first?.milliseconds ?? 0));
  });
}

describe(`${CLIENTS} clients at once on one channel in Proxy (${platform.name})`, () => {
  test('each segment leaves the source once, and comes to all of them', async () => {
    const before = (await mediaRequests(platform, SOURCE_PATH, source.namespace)).length;
    for (let index = 0; index < CLIENTS; index += 1) {
      const folder = join(artifactFolder, `shared-${index}`);
      const options = { edgeUrl, namespace: NAMESPACE, channel: CHANNEL, addresses, folder };
      viewers.push(startViewer({ ...options, session: `shared-${index}` }));
    }
    await Promise.all(viewers.map((viewer) => viewer.started));
    await sleep(Math.max(pace.watchSeconds, MINIMUM_SEGMENTS * TARGET_DURATION_SECONDS) * 1000);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    const requests = (await mediaRequests(platform, SOURCE_PATH, source.namespace)).slice(before);
    expect(requests.filter((request) => !request.fromEdge)).toEqual([]);
    expect(requests.length).toBeGreaterThanOrEqual(MINIMUM_SEGMENTS - 1);
    expect(requests.map((request) => request.uri).toSorted()).toEqual(
      [...new Set(requests.map((request) => request.uri))].toSorted(),
    );

    const waits = extraWaits(viewers.flatMap((viewer) => viewer.record.downloads));
    expect(waits.length).toBeGreaterThan(CLIENTS * 5);
    process.stderr.write(`waits behind the first client: median ${percentile(waits, 0.5).toFixed(0)} ms\n`);
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    }
    await Promise.all(viewers.map((_, index) => rm(join(artifactFolder, `shared-${index}`), { recursive: true })));
  });
});
