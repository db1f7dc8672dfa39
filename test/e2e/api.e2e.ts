import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION, channelSpecSchema } from '@sluice/crds';
import { objectSchema } from '@sluice/crds/custom-resource.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import { type BrokenValue, brokenValue, type Defect, wrongContainers } from '../api/broken-values.ts';
import { merge, REFUSALS, type Refusal, VALID_SPECS } from '../api/refusals.ts';
import { readEnvironment } from './environment.ts';

const { kubectl, kubectlPath, kubeconfigPath } = readEnvironment();
const NAMESPACE = 'sluice-api';
const IMMUTABLE = 'spec of a StreamSession cannot be changed';
const EXAMPLES = join(import.meta.dirname, '../../examples');

function manifest(kind: string, name: string, spec: unknown, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, namespace: NAMESPACE, ...metadata }, spec });
}

/** All that kubectl prints for a manifest that the server refuses; nothing is stored. */
function refusal(text: string): string {
  const { status, stderr } = spawnSync(kubectlPath, ['create', '--dry-run=server', '-f', '-'], {
    env: { ...process.env, KUBECONFIG: kubeconfigPath },
    input: text,
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (status === 0) throw new Error(`the API server accepted ${text}`);
  return stderr;
}

/** Fails with what kubectl printed if one of the errors is not in it. */
function expectErrors(kind: string, broken: BrokenValue): void {
  const answer = refusal(manifest(kind, 'film', broken.value ?? {}));
  const lines = answer.split('\n');
  const silent = broken.errors.filter(
    ({ path, phrase }) => !lines.some((line) => line.includes(`${path}: `) && line.includes(phrase)),
  );
  if (silent.length > 0) throw new Error(`${JSON.stringify(silent, null, 1)} are missing in\n${answer}`);
}

/** Messages of all rules below a schema. */
function ruleMessages(schema: StructuralSchema): string[] {
  const children = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema['x-kubernetes-validations'] ?? []).map((rule) => rule.message), ...children.flatMap(ruleMessages)];
}

beforeAll(async () => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(namespace));
});

afterAll(async () => {
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--wait=false']);
});

describe('the API server refuses what cannot work, and says why', () => {
  test.each(REFUSALS)('$name', ({ kind, objectName = 'film', spec, field, message }: Refusal) => {
    const answer = refusal(manifest(kind, objectName, merge(VALID_SPECS[kind], spec)));
    expect(answer).toContain(field);
    expect(answer).toContain(message);
  });

  test('every rule of every kind is broken by one of these cases', () => {
    const expected = [...REFUSALS.map((refusal) => refusal.message), IMMUTABLE];
    for (const message of new Set(KINDS.flatMap((kind) => ruleMessages(objectSchema(kind))))) {
      expect(expected.filter((part) => message.includes(part))).not.toEqual([]);
    }
  });

  test('an object without spec', () => {
    expect(refusal(manifest('Channel', 'film', undefined))).toContain('spec: Required value');
  });

  test('a change of a StreamSession', async () => {
    // The finalizer keeps it there until the end of the test, whatever the operator thinks of it.
    const metadata = { finalizers: ['sluice.dev/test'] };
    await kubectl.run(['create', '-f', '-'], manifest('StreamSession', 'film-1', VALID_SPECS.StreamSession, metadata));
    const patch = (change: object) =>
      kubectl.run(['patch', 'ssn', 'film-1', '-n', NAMESPACE, '--type', 'merge', '-p', JSON.stringify(change)]);
    try {
      await expect(patch({ spec: { preset: 'slow' } })).rejects.toThrow(IMMUTABLE);
    } finally {
      await patch({ metadata: { finalizers: null } });
      await kubectl.run(['delete', 'ssn', 'film-1', '-n', NAMESPACE, '--ignore-not-found']);
    }
  });
});

describe.each(KINDS)('every field of a $names.kind is checked', (kind) => {
  const { spec } = objectSchema(kind).properties ?? {};
  if (spec === undefined) throw new Error(`${kind.names.kind} has no spec`);
  const defects: Defect[] = ['wrong type', 'below its bounds', 'above its bounds', 'too many items', 'missing'];
  test.each(defects)('%s', (defect) => {
    const broken = brokenValue(spec, 'spec', defect);
    expect(broken.errors.length).toBeGreaterThan(0);
    expectErrors(kind.names.kind, broken);
  });

  test.each(wrongContainers(spec, 'spec').map((broken) => ({ path: broken.errors[0]?.path, broken })))(
    'text in place of $path',
    ({ broken }) => expectErrors(kind.names.kind, broken),
  );
});

describe('the API server accepts', () => {
  const files = readdirSync(EXAMPLES).filter((file) => file.startsWith('channel'));
  test.each(files)('examples/%s', async (file) => {
    const answer = await kubectl.run(['apply', '--dry-run=server', '-f', join(EXAMPLES, file)]);
    expect(answer).toMatch(/channel\.sluice\.dev\/\S+ (created|configured|unchanged) \(server dry run\)/);
  });

  test('a source alone, and fills in the same defaults as the schema', async () => {
    const text = manifest('Channel', 'film', VALID_SPECS.Channel);
    const stored = JSON.parse(await kubectl.run(['create', '--dry-run=server', '-o', 'json', '-f', '-'], text));
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
    await kubectl.run(
      ['create', '--dry-run=server', '-f', '-'],
      manifest('Channel', 'film', merge(VALID_SPECS.Channel, spec)),
    );
  });
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
    await kubectl.run(['create', '-f', '-'], manifest('Channel', 'columns', VALID_SPECS.Channel));
    const titles = async (...args: string[]) =>
      (await kubectl.run(['get', 'chan', '-n', NAMESPACE, ...args])).split('\n')[0]?.trim().split(/\s+/);
    expect(await titles()).toEqual(['NAME', 'MODE', 'VIEWERS', 'READY', 'AGE']);
    expect(await titles('-o', 'wide')).toEqual(
      'NAME MODE VIEWERS READY REASON DESIRED PEAK SOURCE SESSION URL AGE'.split(' '),
    );
    await kubectl.run(['delete', 'chan', 'columns', '-n', NAMESPACE]);
  });
});
