import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { API_VERSION } from '@sluice/crds';
import { objectSchema } from '@sluice/crds/custom-resource.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import { type BrokenValue, brokenValue, type Defect, wrongContainers } from '../api/broken-values.ts';
import { readEnvironment } from './environment.ts';

const { kubectlPath, kubeconfigPath } = readEnvironment();

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
  const manifest = { apiVersion: API_VERSION, kind, metadata: { name: 'film', namespace: 'default' } };
  const answer = refusal(JSON.stringify({ ...manifest, spec: broken.value ?? {} }));
  const lines = answer.split('\n');
  const silent = broken.errors.filter(
    ({ path, phrase }) => !lines.some((line) => line.includes(`${path}: `) && line.includes(phrase)),
  );
  if (silent.length > 0) throw new Error(`${JSON.stringify(silent, null, 1)} are missing in\n${answer}`);
}

// In the words of kube-apiserver, which only a real one has.
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
