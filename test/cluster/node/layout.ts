import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';

/** Address ranges of the cluster. They must not overlap with a network that the machine is part of. */
export const RANGES = {
  /** The controller manager deals out one /24 per node. */
  pods: '10.244.0.0/16',
  services: '10.96.0.0/16',
  /** Node addresses: one /32 per node on the node bridge. */
  nodes: '10.245.0.0/24',
} as const;

/** First address of the service range: the API server's Service. */
export const API_SERVICE_ADDRESS = '10.96.0.1';
/** Where every cluster expects its DNS Service. */
export const DNS_SERVICE_ADDRESS = '10.96.0.10';
/** Health and metrics ports are bound here: loopback, and out of the way of anything that uses 127.0.0.1. */
export const LOCAL_ADDRESS = '127.0.8.1';
/** Port of kube-apiserver on the first node's address. */
export const API_PORT = 6443;

/** Names, addresses and folders of one node; a pure function of the configuration and the node's index. */
export interface NodeLayout {
  readonly name: string;
  readonly index: number;
  /** IPv4 address of kubelet and, on node 0, of the API server. */
  readonly address: string;
  /** The first node's pod range; further nodes are dealt out theirs by the controller manager when they register. */
  readonly podRange: string;
  readonly directory: string;
  readonly kubeletRoot: string;
  readonly kubeletConfig: string;
  readonly proxyConfig: string;
  readonly containerdConfig: string;
  readonly containerdState: string;
  readonly containerdSocket: string;
  readonly cniConfigDirectory: string;
  readonly cniDataDirectory: string;
  /** Where containerd keeps images; in the cache, because importing costs half a minute per gigabyte. */
  readonly imageStore: string;
  readonly runcRoot: string;
  /** Path below each cgroup hierarchy; every pod of the node is below it. */
  readonly cgroup: string;
}

/** Names and folders of the whole cluster. */
export interface ClusterLayout {
  readonly stateDirectory: string;
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly pidDirectory: string;
  readonly certificates: string;
  readonly etcdData: string;
  readonly kubeconfig: string;
  readonly volumePlugins: string;
  readonly resolvConf: string;
  /** What of the machine was changed and must be put back: see machine.ts. */
  readonly machineRecord: string;
  readonly bridge: string;
  readonly nftTable: string;
  readonly apiServer: string;
  /** Where etcd, the controller manager and the scheduler listen. */
  readonly localAddress: string;
  readonly node: NodeLayout;
}

/** Index of the node that tests add to the cluster for a while. */
export const SECOND_NODE = 1;

/** Names of the daemons of a further node, by which their pid files and logs are found. */
export function nodeDaemons(node: NodeLayout) {
  return {
    containerd: `${node.name}-containerd`,
    kubelet: `${node.name}-kubelet`,
    kubeProxy: `${node.name}-kube-proxy`,
    devicePlugin: `${node.name}-device-plugin`,
  } as const;
}

/** @param config paths; the rest is fixed, because a machine has room for one cluster */
export function clusterLayout(config: ClusterConfig): ClusterLayout {
  const state = config.stateDirectory;
  const node = nodeLayout(config, 0);
  return {
    stateDirectory: state,
    runDirectory: config.runDirectory,
    logDirectory: join(state, 'logs'),
    pidDirectory: join(state, 'pids'),
    certificates: join(state, 'certificates'),
    etcdData: join(state, 'etcd'),
    kubeconfig: join(state, 'kubeconfig'),
    volumePlugins: join(state, 'volume-plugins'),
    resolvConf: join(state, 'resolv.conf'),
    machineRecord: join(state, 'machine.json'),
    bridge: 'sluice-nodes',
    nftTable: 'sluice-cluster',
    apiServer: `https://${node.address}:${API_PORT}`,
    localAddress: LOCAL_ADDRESS,
    node,
  };
}

/** @param index 0 for the node that also runs the control plane */
export function nodeLayout(config: ClusterConfig, index: number): NodeLayout {
  const name = `node-${index}`;
  const directory = join(config.stateDirectory, name);
  const run = join(config.runDirectory, name);
  return {
    name,
    index,
    address: `10.245.0.${index + 1}`,
    podRange: `10.244.${index}.0/24`,
    directory,
    kubeletRoot: join(directory, 'kubelet'),
    kubeletConfig: join(directory, 'kubelet.json'),
    proxyConfig: join(directory, 'kube-proxy.json'),
    containerdConfig: join(directory, 'containerd.toml'),
    containerdState: join(run, 'containerd'),
    containerdSocket: join(run, 'containerd.sock'),
    cniConfigDirectory: join(directory, 'cni'),
    cniDataDirectory: join(run, 'cni'),
    imageStore: join(config.cacheDirectory, 'containerd', name),
    runcRoot: join(run, 'runc'),
    cgroup: `/sluice-cluster/${name}`,
  };
}
