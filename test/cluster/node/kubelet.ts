import { join } from 'node:path';
import { componentKubeconfig } from './kubeconfig.ts';
import { type ClusterLayout, DNS_SERVICE_ADDRESS, LOCAL_ADDRESS, type NodeLayout } from './layout.ts';

/** KubeletConfiguration v1beta1. */
export function kubeletConfiguration(layout: ClusterLayout, node: NodeLayout): Readonly<Record<string, unknown>> {
  const file = (name: string) => join(layout.certificates, name);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    readOnlyPort: 0,
    healthzBindAddress: LOCAL_ADDRESS,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: file('cluster-ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: file(`${node.name}-server.crt`),
    tlsPrivateKeyFile: file(`${node.name}-server.key`),
    containerRuntimeEndpoint: `unix://${node.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: node.cgroup,
    // Machines of continuous integration still have cgroup v1, which Kubernetes 1.35 refuses by default.
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [DNS_SERVICE_ADDRESS],
    clusterDomain: 'cluster.local',
    resolvConf: layout.resolvConf,
    podLogsDir: join(node.directory, 'pod-logs'),
    volumePluginDir: layout.volumePlugins,
    // kube-proxy uses nftables; the kubelet's own iptables chains would only be left behind.
    makeIPTablesUtilChains: false,
    serializeImagePulls: false,
    // There is no registry to pull from again: an image that was removed to save space would be gone.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
  };
}

/** Command line of a node's kubelet: the flags that its configuration file cannot carry. */
export function kubeletArguments(layout: ClusterLayout, node: NodeLayout): readonly string[] {
  return [
    `--config=${node.kubeletConfig}`,
    `--kubeconfig=${componentKubeconfig(layout, `${node.name}-client`)}`,
    `--root-dir=${node.kubeletRoot}`,
    `--cert-dir=${layout.certificates}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
  ];
}
