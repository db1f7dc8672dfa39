import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION, channelSpecSchema } from '@sluice/crds';
import { objectSchema } from '@sluice/crds/custom-resource.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import type { Refusal } from '../api/refusal.ts';
import { merge, REFUSALS, VALID_SPECS } from '../api/refusals.ts';
import { readManifests } from '../chart/manifests.ts';
import { readPlatform } from './environment.ts';
import { namespaceManifest } from './manifests.ts';

const platform = readPlatform();
const NAMESPACE = 'sluice-api';
const IMMUTABLE = 'spec of a StreamSession cannot be changed';
const EXAMPLES = join(import.meta.dirname, '../../examples');

function manifest(kind: string, name: string, spec: unknown, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, namespace: NAMESPACE, ...metadata }, spec });
}

/** What the server says about a manifest that it refuses; nothing is stored. */
async function refusal(text: string): Promise<string> {
  const answer = await platform.createDryRun(text).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (answer === null) throw new Error(`the API server accepted ${text}`);
  return answer;
}

/** Messages of all rules below a schema. */
function ruleMessages(schema: StructuralSchema): string[] {
  const children = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema['x-kubernetes-validations'] ?? []).map((rule) => rule.message), ...children.flatMap(ruleMessages)];
}

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
});

afterAll(async () => {
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`the API refuses what cannot work, and says why (${platform.name})`, () => {
  test.each(REFUSALS)('$name', async ({ kind, objectName = 'film', spec, field, message }: Refusal) => {
    const answer = await refusal(manifest(kind, objectName, merge(VALID_SPECS[kind], spec)));
    expect(answer).toContain(field);
    expect(answer).toMatch(message);
  });

  test('every rule of every kind is broken by one of these cases', () => {
    const expected = [...REFUSALS.map((refusal) => refusal.message), IMMUTABLE];
    for (const message of new Set(KINDS.flatMap((kind) => ruleMessages(objectSchema(kind))))) {
      expect(expected.filter((part) => typeof part === 'string' && message.includes(part))).not.toEqual([]);
    }
  });

  test('an object without spec', async () => {
    expect(await refusal(manifest('Channel', 'film', undefined))).toContain('spec: Required value');
  });

  test('a change of a StreamSession', async () => {
    // The finalizer keeps it there until the end of the test, whatever the operator thinks of it.
    const metadata = { finalizers: ['sluice.dev/test'] };
    await platform.apply(manifest('StreamSession', 'film-1', VALID_SPECS.StreamSession, metadata));
    const patch = (change: object) => platform.patch('StreamSession', NAMESPACE, 'film-1', change);
    try {
      await expect(patch({ spec: { preset: 'slow' } })).rejects.toThrow(IMMUTABLE);
    } finally {
      await patch({ metadata: { finalizers: null } });
      await platform.delete('StreamSession', NAMESPACE, 'film-1');
    }
  });
});

describe('the API accepts', () => {
  const files = readdirSync(EXAMPLES).filter((file) => file.startsWith('channel'));
  test.each(files)('examples/%s', async (file) => {
    const channels = readManifests(readFileSync(join(EXAMPLES, file), 'utf8')).filter(({ kind }) => kind === 'Channel');
    expect(channels).toHaveLength(1);
    for (const channel of channels) {
      // Under another name and in this suite's namespace: the examples themselves may exist already.
      const metadata = { ...channel.metadata, name: `${channel.metadata.name}-example`, namespace: NAMESPACE };
      await platform.createDryRun(JSON.stringify({ ...channel, metadata }));
    }
  });

  test('a source alone, and fills in the same defaults as the schema', async () => {
    const text = manifest('Channel', 'film', VALID_SPECS.Channel);
    const stored = await platform.createDryRun<{ spec: unknown }>(text);
    expect(stored.spec).toEqual(channelSpecSchema.parse(VALID_SPECS.Channel));
  });

  const accepted: { name: string; spec: object }[] = [
    { name: 'a mode that is pinned', spec: { delivery: { minimumMode: 'Proxy', maximumMode: 'Proxy' } } },
    {
      name: 'no ladder where nothing is transcoded',
      spec: { delivery: { maximumMode: 'Proxy' }, transcode: { ladder: [] } },
    },
    { name: 'hysteresis 0', spec: { delivery: { hysteresisSeconds: 0 } } },
    { name: 'a time-out equal to the heartbeat', spec: { viewers: { heartbeatSeconds: 10, timeoutSeconds: 10 } } },
    {
      name: 'a query in the URL of a Direct channel that agrees to show it',
      spec: {
        source: { uri: 'http://media.example.org/i.m3u8?a=b' },
        delivery: { maximumMode: 'Direct', exposeSource: true },
      },
    },
    { name: 'an IPv6 address and a port', spec: { source: { uri: 'http://[2001:db8::1]:8080/index.m3u8' } } },
    { name: 'an @ in the path', spec: { source: { uri: 'http://media.example.org/@live/index.m3u8' } } },
    {
      name: 'requests equal to limits',
      spec: { transcode: { resources: { requests: { cpu: 1 }, limits: { cpu: '1000m' } } } },
    },
    { name: 'a GPU without a word more', spec: { transcode: { gpu: {} } } },
    { name: 'a GPU that is a MIG slice', spec: { transcode: { gpu: { resourceName: 'nvidia.com/mig-1g.10gb' } } } },
  ];
  test.each(accepted)('$name', async ({ spec }) => {
    await platform.createDryRun(manifest('Channel', 'film', merge(VALID_SPECS.Channel, spec)));
  });
});
