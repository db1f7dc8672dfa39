import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { VALID_SPECS } from '../api/refusals.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { waitForMode } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest } from './manifests.ts';

const { kubectl, edgeUrl, addresses, source } = readEnvironment();
const platform = readPlatform();
const NAMESPACE = 'sluice-kubectl';
const CHANNEL = 'told';

const viewers: Viewer[] = [];

function addViewer(): Promise<void> {
  const session = `kubectl-${viewers.length}`;
  const viewer = startViewer({ edgeUrl, namespace: NAMESPACE, channel: CHANNEL, session, addresses });
  viewers.push(viewer);
  return viewer.started;
}

beforeAll(async () => {
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  const uri = `${source.url}/kubectl/film/index.m3u8`;
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri }));
});

afterAll(async () => {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await kubectl.run(['delete', 'namespace', NAMESPACE]);
});

describe('kubectl shows', () => {
  test('both kinds with short names and category', async () => {
    const list = await kubectl.run(['api-resources', '--api-group=sluice.dev', '-o', 'wide', '--no-headers']);
    expect(list).toMatch(/^channels +chan +sluice\.dev\/v1alpha1 +true +Channel .* sluice$/m);
    expect(list).toMatch(/^streamsessions +ssn +sluice\.dev\/v1alpha1 +true +StreamSession .* sluice$/m);
  });

  test('what a field means, with its default and unit', async () => {
    const fields = await kubectl.run(['explain', 'channel.spec.delivery', '--recursive']);
    for (const name of ['minimumMode', 'thresholds', 'hysteresisSeconds', 'exposeSource'])
      expect(fields).toContain(name);
    const field = (await kubectl.run(['explain', 'chan.spec.delivery.hysteresisSeconds'])).replaceAll(/\s+/g, ' ');
    expect(field).toContain('in seconds, before Transcode starts or the mode falls; 30 by default');
  });

  test('a Channel in one line', async () => {
    const spec = VALID_SPECS.Channel;
    const columns = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Channel', metadata: { name: 'columns' }, spec };
    await kubectl.run(['create', '-n', NAMESPACE, '-f', '-'], JSON.stringify(columns));
    const titles = async (...args: string[]) =>
      (await kubectl.run(['get', 'chan', '-n', NAMESPACE, ...args])).split('\n')[0]?.trim().split(/\s+/);
    expect(await titles()).toEqual(['NAME', 'MODE', 'VIEWERS', 'READY', 'AGE']);
    expect(await titles('-o', 'wide')).toEqual(
      'NAME MODE VIEWERS READY REASON DESIRED PEAK SOURCE SESSION URL AGE'.split(' '),
    );
  });

  test('mode and viewers of a channel that is watched, and its story', async () => {
    await addViewer();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Direct', 30);
    await addViewer();
    await waitForMode(platform, NAMESPACE, CHANNEL, 'Proxy', 10);
    const table = await kubectl.run(['get', 'channels', '-n', NAMESPACE]);
    expect(table).toMatch(/^told\s+Proxy\s+2\s+True\s/m);
    const description = await kubectl.run(['describe', 'channel', CHANNEL, '-n', NAMESPACE]);
    expect(description).toMatch(/ModeChanged .*Direct to Proxy: 2 viewers: at least 2, the threshold for Proxy/);
    expect(description).toMatch(/Reason:\s+2 viewers: at least 2, the threshold for Proxy/);
  });
});
