import { componentKubeconfig } from './kubeconfig.ts';
import { type ClusterLayout, LOCAL_ADDRESS, type NodeLayout, RANGES } from './layout.ts';

/** Tables that kube-proxy makes in its nftables mode and leaves behind when it ends. */
export const KUBE_PROXY_TABLES = ['ip kube-proxy', 'ip6 kube-proxy'] as const;

/** KubeProxyConfiguration v1alpha1. */
export function kubeProxyConfiguration(layout: ClusterLayout, node: NodeLayout): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: node.name,
    bindAddress: node.address,
    healthzBindAddress: `${node.address}:10256`,
    metricsBindAddress: `${LOCAL_ADDRESS}:10249`,
    clusterCIDR: RANGES.pods,
    clientConnection: { kubeconfig: componentKubeconfig(layout, 'proxy') },
    // The machine's connection tracking limits are not ours to change, and in a container cannot be.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

/** Command line of kube-proxy: everything stands in its configuration file. */
export function kubeProxyArguments(node: NodeLayout): readonly string[] {
  return [`--config=${node.proxyConfig}`];
}
