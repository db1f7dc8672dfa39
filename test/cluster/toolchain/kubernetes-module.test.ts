import { describe, expect, test } from '@jest/globals';
import { kubernetesLinkerFlags, kubernetesProgramModule } from './kubernetes-module.ts';

const UPSTREAM = `module k8s.io/kubernetes

go 1.25.0

godebug default=go1.25

require (
\tgithub.com/spf13/cobra v1.10.0
\tk8s.io/api v0.0.0
\tk8s.io/klog/v2 v2.130.1
)

require (
\tcel.dev/expr v0.24.0 // indirect
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
)
`;

describe('kubernetesProgramModule', () => {
  const text = kubernetesProgramModule(UPSTREAM, '1.35.4');

  test('requires Kubernetes and its staging modules in their published versions', () => {
    expect(text).toContain('\tk8s.io/kubernetes v1.35.4\n');
    expect(text).toContain('\tk8s.io/api v0.35.4\n');
    expect(text).toContain('\tk8s.io/api => k8s.io/api v0.35.4\n');
  });

  test('keeps the pins of third parties, direct and indirect', () => {
    expect(text).toContain('\tgithub.com/spf13/cobra v1.10.0\n');
    expect(text).toContain('\tk8s.io/klog/v2 v2.130.1\n');
    expect(text).toContain('\tcel.dev/expr v0.24.0\n');
  });

  test('leaves no placeholder version and no local path', () => expect(text).not.toMatch(/v0\.0\.0|\.\/staging/));

  test('keeps the language version and the debug defaults', () => {
    expect(text).toMatch(/^go 1\.25\.0$/m);
    expect(text).toMatch(/^godebug default=go1\.25$/m);
  });

  test('refuses a go.mod of another shape', () => {
    expect(() => kubernetesProgramModule('module k8s.io/kubernetes\n', '9.9.9')).toThrow('no staging modules');
  });
});

test('the linker sets the version in both packages that report one', () => {
  const flags = kubernetesLinkerFlags('1.35.4').split(' -X ');
  expect(flags).toHaveLength(10);
  expect(flags).toContain('k8s.io/client-go/pkg/version.gitVersion=v1.35.4');
  expect(flags).toContain('k8s.io/client-go/pkg/version.gitMinor=35');
});
