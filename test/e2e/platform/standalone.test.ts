import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MemoryApiServer, startMemoryApiServer } from '@sluice/operator/runtime/testing/api-server.ts';
import { createStandaloneStore } from '@sluice/operator/standalone/api/kinds.ts';
import { channelManifest, namespaceManifest } from '../manifests.ts';
import type { Platform, PlatformObject } from './platform.ts';
import { createStandalonePlatform } from './standalone.ts';

interface ChannelView extends PlatformObject {
  readonly spec: { readonly source: { readonly uri: string }; readonly delivery: { hysteresisSeconds: number } };
}

const uri = 'http://media.example.org/film/index.m3u8';
const channel = (name: string, spec: object = {}) => channelManifest({ namespace: 'demo', name, uri, spec });

let server: MemoryApiServer;
let platform: Platform;

beforeAll(async () => {
  server = await startMemoryApiServer(createStandaloneStore(Date.now), {
    address: '127.0.0.1',
    port: 0,
    subresources: { 'pods/log': (_, query, response) => void response.end(`log of ${query.get('container')}\n`) },
  });
  const source = { url: '', namespace: 'demo' };
  const settings = { edgeUrl: '', addresses: {}, artifactFolder: '', source, nodeImage: '' };
  platform = createStandalonePlatform({ ...settings, apiUrl: server.url });
  await platform.apply([namespaceManifest('demo'), channel('first')].join('---\n'));
});

afterAll(() => server.close());

describe('the scenarios speak to a standalone operator', () => {
  test('objects are applied with defaults, changed, listed and deleted', async () => {
    await platform.patch('Channel', 'demo', 'first', { spec: { delivery: { hysteresisSeconds: 3 } } });
    const found = await platform.get<ChannelView>('Channel', 'demo', 'first');
    expect(found?.spec).toMatchObject({ source: { uri }, delivery: { hysteresisSeconds: 3, minimumMode: 'Idle' } });
    expect((await platform.list('Channel', 'demo')).map(({ metadata }) => metadata.name)).toEqual(['first']);
    await platform.delete('Channel', 'demo', 'first');
    expect(await platform.get('Channel', 'demo', 'first')).toBeNull();
    await platform.delete('Channel', 'demo', 'first');
  });

  test('a dry run answers with defaults or with the reason, and stores nothing', async () => {
    const stored = await platform.createDryRun<ChannelView>(channel('dry'));
    expect(stored.spec.delivery.hysteresisSeconds).toBe(30);
    const thresholds = { delivery: { thresholds: { proxy: 3, transcode: 3 } } };
    await expect(platform.createDryRun(channel('dry', thresholds))).rejects.toThrow('must be greater than');
    expect(await platform.get('Channel', 'demo', 'dry')).toBeNull();
  });

  test('labels select', async () => {
    const pod = (name: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: demo, labels: {app: ${name}}}\nspec: {containers: [{name: c, image: i}]}\n`;
    await platform.apply([pod('a'), pod('b')].join('---\n'));
    expect((await platform.list('Pod', 'demo', 'app=b')).map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(await platform.logs('demo', 'a', 'c')).toBe('log of c\n');
    await platform.delete('Pod', 'demo', 'a', { graceSeconds: 0 });
    expect(await platform.get('Pod', 'demo', 'a')).toBeNull();
  });

  test('what is not there is an error where it must be there', async () => {
    await expect(platform.patch('Channel', 'demo', 'nowhere', {})).rejects.toThrow('no Channel demo/nowhere');
    await expect(platform.logs('demo', 'nowhere')).rejects.toThrow('nowhere');
  });
});
