import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readManifests } from '../chart/manifests.ts';
import { AUTOSCALED, EVERYTHING } from '../chart/settings.ts';
import { type Rendering, renderChart, SCHEMA_LOCATION, writeSchemas } from '../chart/tools.ts';
import { run } from '../cluster/process/command.ts';
import { readEnvironment } from './environment.ts';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'examples/demo-source.yaml');
const environment = readEnvironment();
const { helmPath, kubeconformPath, kubectl } = environment;
/** A release beside the installed one, which is never installed; its namespace enforces the restricted standard. */
const release = { helmPath, chart: join(root, 'charts/sluice'), name: 'sluice-check', namespace: 'sluice-check' };

const renderings: { name: string; rendering: () => Rendering }[] = [
  { name: 'default values', rendering: () => plain },
  { name: 'every option', rendering: () => full },
  { name: 'edges that are scaled by their load', rendering: () => autoscaled },
];
let plain: Rendering;
let full: Rendering;
let autoscaled: Rendering;

describe('chart on the API server', () => {
  beforeAll(async () => {
    plain = await renderChart(release);
    full = await renderChart(release, EVERYTHING);
    autoscaled = await renderChart(release, AUTOSCALED);
    const level = 'restricted';
    const labels = { 'pod-security.kubernetes.io/enforce': level, 'pod-security.kubernetes.io/warn': level };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: release.namespace, labels } };
    await kubectl.run(['apply', '--server-side', '-f', '-'], JSON.stringify(namespace));
  });
  afterAll(async () => {
    await kubectl.run(['delete', 'namespace', release.namespace]);
  });

  test('passes kubeconform, strict, against the schemas of this very API server', async () => {
    const demo = readFileSync(example, 'utf8');
    const folder = join(environment.artifactFolder, 'schemas');
    const manifests = [...full.manifests, ...plain.manifests, ...autoscaled.manifests, ...readManifests(demo)];
    await writeSchemas(kubectl, manifests, folder);
    const args = ['-strict', '-summary', '-schema-location', join(folder, SCHEMA_LOCATION), '-'];
    for (const text of [plain.text, full.text, autoscaled.text, demo]) {
      expect(await run(kubeconformPath, args, { input: text })).toMatch(
        /Valid: [1-9]\d*, Invalid: 0, Errors: 0, Skipped: 0/,
      );
    }
    const wrong = full.text.replace('terminationGracePeriodSeconds:', 'terminationGraceSeconds:');
    await expect(run(kubeconformPath, args, { input: wrong })).rejects.toThrow('terminationGraceSeconds');
  });

  test.each(renderings)('passes a dry run with $name in a restricted namespace', async ({ rendering }) => {
    // The definitions belong to the installed release: the dry run may take them over, because it changes nothing.
    const args = [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '-n',
      release.namespace,
      '-f',
      '-',
    ];
    const answer = await run(environment.kubectlPath, [...args, '--warnings-as-errors'], {
      input: rendering().text,
      environment: { ...process.env, KUBECONFIG: environment.kubeconfigPath },
    });
    expect(answer.match(/serverside-applied \(server dry run\)/g)).toHaveLength(rendering().manifests.length);
  });

  test('answers helm test in the installed release', async () => {
    const args = ['test', 'sluice', '--namespace', 'sluice', '--timeout', '90s'];
    const helmEnvironment = { ...process.env, KUBECONFIG: environment.kubeconfigPath };
    expect(await run(helmPath, args, { environment: helmEnvironment })).toMatch(/Phase:\s+Succeeded/);
  });
});
