import { kubernetesLinkerFlags } from './kubernetes-module.ts';

/** Kubernetes and the etcd that it pins itself (3.6.5) come from one module set. */
export const KUBERNETES_VERSION = '1.35.4';

/** How a Go program is made. */
export type ToolSource =
  /** `go install <package>@<version>`. */
  | { readonly kind: 'install'; readonly goPackage: string }
  /** A folder below `test/cluster/go`; `goMod` says where its go.mod comes from. */
  | { readonly kind: 'folder'; readonly folder: string; readonly goMod: 'kubernetes' | 'standard-library' };

/** A program of the cluster that is built with Go, once per version, and kept in the cache. */
export interface Tool {
  /** File name of the binary. */
  readonly name: string;
  /** Version without `v`; part of the cache key. */
  readonly version: string;
  readonly source: ToolSource;
  readonly linkerFlags: string;
  /** Further names under which a multi-call binary is linked beside itself. */
  readonly links: readonly string[];
  /** Measured on two cores with an empty cache, for the progress line. */
  readonly usualSeconds: number;
}

/** A further tool is one more entry: everything else follows from the table. */
export const TOOLS = {
  kubernetes: {
    name: 'kubernetes',
    version: KUBERNETES_VERSION,
    source: { kind: 'folder', folder: 'kubernetes', goMod: 'kubernetes' },
    linkerFlags: kubernetesLinkerFlags(KUBERNETES_VERSION),
    links: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'],
    usualSeconds: 480,
  },
  'device-plugin': {
    name: 'device-plugin',
    version: KUBERNETES_VERSION,
    source: { kind: 'folder', folder: 'device-plugin', goMod: 'kubernetes' },
    linkerFlags: '',
    links: [],
    usualSeconds: 20,
  },
  pause: {
    name: 'pause',
    version: '1',
    source: { kind: 'folder', folder: 'pause', goMod: 'standard-library' },
    linkerFlags: '',
    links: [],
    usualSeconds: 5,
  },
  coredns: {
    name: 'coredns',
    version: '1.12.4',
    source: { kind: 'install', goPackage: 'github.com/coredns/coredns' },
    linkerFlags: '',
    links: [],
    usualSeconds: 240,
  },
  helm: {
    name: 'helm',
    version: '4.2.4',
    source: { kind: 'install', goPackage: 'helm.sh/helm/v4/cmd/helm' },
    linkerFlags: '-X helm.sh/helm/v4/internal/version.version=v4.2.4',
    links: [],
    usualSeconds: 150,
  },
  kubeconform: {
    name: 'kubeconform',
    version: '0.7.0',
    source: { kind: 'install', goPackage: 'github.com/yannh/kubeconform/cmd/kubeconform' },
    linkerFlags: '-X main.version=v0.7.0',
    links: [],
    usualSeconds: 10,
  },
  /** Plays the kubelets of nodes that do not exist, for measurements with many pods. */
  kwok: {
    name: 'kwok',
    version: '0.8.0',
    source: { kind: 'install', goPackage: 'sigs.k8s.io/kwok/cmd/kwok' },
    linkerFlags: '-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0',
    links: [],
    usualSeconds: 120,
  },
  kind: {
    name: 'kind',
    version: '0.33.0',
    source: { kind: 'install', goPackage: 'sigs.k8s.io/kind' },
    linkerFlags: '',
    links: [],
    usualSeconds: 30,
  },
} as const satisfies Record<string, Tool>;

/** Key of {@link TOOLS}. */
export type ToolName = keyof typeof TOOLS;
