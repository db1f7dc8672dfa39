import { describe, expect, test } from '@jest/globals';
import type { Container, PodSpec } from './manifests.ts';
import { restrictedViolations } from './pod-security.ts';

const good: Container = {
  name: 'main',
  image: 'sluice/edge:1',
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
};

function pod(change: Partial<PodSpec> = {}, container: Partial<Container['securityContext']> = {}): PodSpec {
  return {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ ...good, securityContext: { ...good.securityContext, ...container } }],
    ...change,
  };
}

describe('restrictedViolations', () => {
  test('finds nothing in a restricted pod', () => {
    expect(restrictedViolations(pod({ volumes: [{ name: 'run', emptyDir: {} }] }))).toEqual([]);
  });

  const cases: readonly { name: string; spec: PodSpec; expected: string }[] = [
    { name: 'the host network', spec: pod({ hostNetwork: true }), expected: 'hostNetwork is true' },
    {
      name: 'a host path',
      spec: pod({ volumes: [{ name: 'disk', hostPath: { path: '/' } }] }),
      expected: 'volume disk is a hostPath',
    },
    {
      name: 'a pod that may run as root',
      spec: pod({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }),
      expected: 'main: runAsNonRoot is not true',
    },
    {
      name: 'a pod without seccomp profile',
      spec: pod({ securityContext: { runAsNonRoot: true } }),
      expected: 'main: seccompProfile is not RuntimeDefault',
    },
    {
      name: 'a container that overrules its pod',
      spec: pod({}, { runAsNonRoot: false }),
      expected: 'main: runAsNonRoot is not true',
    },
    { name: 'user 0', spec: pod({}, { runAsUser: 0 }), expected: 'main: runAsUser is 0' },
    { name: 'a privileged container', spec: pod({}, { privileged: true }), expected: 'main: privileged' },
    {
      name: 'kept capabilities',
      spec: pod({}, { capabilities: { drop: ['NET_RAW'] } }),
      expected: 'main: capabilities.drop lacks ALL',
    },
    {
      name: 'added capabilities',
      spec: pod({}, { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'NET_BIND_SERVICE'] } }),
      expected: 'main: capabilities.add has SYS_ADMIN',
    },
    {
      name: 'a writable root',
      spec: pod({}, { readOnlyRootFilesystem: false }),
      expected: 'main: readOnlyRootFilesystem is not true',
    },
    {
      name: 'privilege escalation',
      spec: pod({}, { allowPrivilegeEscalation: true }),
      expected: 'main: allowPrivilegeEscalation is not false',
    },
  ];
  test.each(cases)('reports $name', ({ spec, expected }) => {
    expect(restrictedViolations(spec)).toEqual([expected]);
  });

  test('looks into init containers too', () => {
    const spec = pod({ initContainers: [{ name: 'sidecar', image: 'sluice/edge:1' }] });
    expect(restrictedViolations(spec)).toContain('sidecar: capabilities.drop lacks ALL');
  });
});
