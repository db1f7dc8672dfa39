import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { percentile } from '../bench/statistics.ts';
import { DEMO_NAMESPACE } from '../install/install.ts';
import { pollViolations } from '../viewer/invariants.ts';
import { type Download, startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForMode } from './channel-state.ts';
import { readEnvironment } from './environment.ts';
import { channelManifest } from './manifests.ts';
import { mediaRequests } from './source-log.ts';

const environment = readEnvironment();
const { kubectl, edgeUrl, addresses, artifactFolder } = environment;
const CHANNEL = 'shared';
const CLIENTS = 20;
const TARGET_DURATION_SECONDS = 2;
/** The goal for the extra wait of whoever comes after the first; nginx's own cache lock costs half a second. */
const EXTRA_WAIT_MILLISECONDS = 50;

const viewers: Viewer[] = [];

beforeAll(async () => {
  // The log of the source does not say for which channel an edge fetches: no other one may be awake.
  await waitForMode(kubectl, DEMO_NAMESPACE, 'film', 'Idle', 90);
  const spec = { delivery: { minimumMode: 'Proxy', maximumMode: 'Proxy' } };
  const uri = 'http://demo-source.demo.svc/film/index.m3u8';
  await kubectl.run(['apply', '-f', '-'], channelManifest({ namespace: DEMO_NAMESPACE, name: CHANNEL, uri, spec }));
  await waitForMode(kubectl, DEMO_NAMESPACE, CHANNEL, 'Proxy', 30);
});

afterAll(async () => {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await kubectl.run(['delete', 'channel', CHANNEL, '-n', DEMO_NAMESPACE]);
});

/** How much longer each client after the first waited for the same segment, in milliseconds. */
function extraWaits(downloads: readonly Download[]): number[] {
  const byMsn = Map.groupBy(downloads, (download) => download.msn);
  return [...byMsn.values()].flatMap((same) => {
    const [first, ...later] = same.toSorted((a, b) => a.atMilliseconds - b.atMilliseconds);
    return later.map((download) => download.milliseconds - (first?.milliseconds ?? 0));
  });
}

describe(`${CLIENTS} clients at once on one channel in Proxy`, () => {
  test('each segment leaves the source once, and nobody waits for being second', async () => {
    const before = (await mediaRequests(kubectl)).length;
    for (let index = 0; index < CLIENTS; index += 1) {
      const folder = join(artifactFolder, `shared-${index}`);
      const options = { edgeUrl, namespace: DEMO_NAMESPACE, channel: CHANNEL, addresses, folder };
      viewers.push(startViewer({ ...options, session: `shared-${index}` }));
    }
    await Promise.all(viewers.map((viewer) => viewer.started));
    await sleep(20_000);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    const requests = (await mediaRequests(kubectl)).slice(before);
    expect(requests.filter((request) => !request.fromPod)).toEqual([]);
    expect(requests.length).toBeGreaterThan(8);
    expect(requests.map((request) => request.uri).toSorted()).toEqual(
      [...new Set(requests.map((request) => request.uri))].toSorted(),
    );

    const waits = extraWaits(viewers.flatMap((viewer) => viewer.record.downloads));
    expect(waits.length).toBeGreaterThan(CLIENTS * 5);
    expect(percentile(waits, 0.5)).toBeLessThan(EXTRA_WAIT_MILLISECONDS);
    for (const viewer of viewers) {
      expect(viewer.record.problems).toEqual([]);
      expect(pollViolations(viewer.record.polls, TARGET_DURATION_SECONDS)).toEqual([]);
    }
    await Promise.all(viewers.map((_, index) => rm(join(artifactFolder, `shared-${index}`), { recursive: true })));
  });
});
