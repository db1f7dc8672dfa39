import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * The go.mod of a program that imports Kubernetes' own commands.
 *
 * Kubernetes' go.mod pins its third parties and points its staging modules at folders of its repository. Outside that
 * repository the same modules are published with the minor version as v0.X.Y, so: the same pins, and for each staging
 * module a requirement and a replacement (without the replacement, the `v0.0.0` that the staging modules require from
 * each other could not be found).
 *
 * @param upstream text of `k8s.io/kubernetes@v<version>`'s go.mod
 * @param version Kubernetes version without `v`, e.g. `1.35.4`
 * @throws SluiceError `GO_MOD_UNEXPECTED` if upstream has not the shape described above
 */
export function kubernetesProgramModule(upstream: string, version: string): string {
  const staging = [...upstream.matchAll(/^\t(k8s\.io\/\S+) => \.\/staging\//gm)].map((match) => match[1]);
  const pins = [...upstream.matchAll(/^\t(\S+) (v\S+)(?: \/\/ indirect)?$/gm)].filter((match) => match[2] !== 'v0.0.0');
  const goVersion = /^go (\S+)$/m.exec(upstream)?.[1];
  if (staging.length === 0 || pins.length === 0 || goVersion === undefined) {
    throw new SluiceError(
      `go.mod of k8s.io/kubernetes v${version} has no staging modules, requirements or go version`,
      {
        code: 'GO_MOD_UNEXPECTED',
        retryable: false,
      },
    );
  }
  const stagingVersion = version.replace(/^1\./, 'v0.');
  const godebug = /^godebug (.+)$/m.exec(upstream)?.[0];
  return [
    'module sluice.dev/test/cluster/kubernetes',
    '',
    `go ${goVersion}`,
    ...(godebug === undefined ? [] : ['', godebug]),
    '',
    'require (',
    `\tk8s.io/kubernetes v${version}`,
    ...staging.map((path) => `\t${path} ${stagingVersion}`),
    ...pins.map((match) => `\t${match[1]} ${match[2]}`),
    ')',
    '',
    'replace (',
    ...staging.map((path) => `\t${path} => ${path} ${stagingVersion}`),
    ')',
    '',
  ].join('\n');
}

/** Linker flags without which kubectl, Helm and the API server would report version 0.0.0. */
export function kubernetesLinkerFlags(version: string): string {
  const [major, minor] = version.split('.');
  const values = {
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    // The real date would give every build another binary; Kubernetes only parses it.
    buildDate: '2026-01-01T00:00:00Z',
  };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  return packages
    .flatMap((path) => Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`))
    .join(' ');
}
