import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from '../config.ts';
import { importImage, layoutFolder } from '../images/import.ts';
import { layoutHas } from '../images/oci-layout.ts';
import { run } from '../process/command.ts';
import { findDaemon, startDaemon, waitForDaemon } from '../process/supervise.ts';
import { waitUntil } from '../process/wait.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';
import { ctr, listNodeImages, removeContainers } from './containers.ts';
import { kubeProxyArguments } from './kube-proxy.ts';
import { kubeletArguments } from './kubelet.ts';
import { type ClusterLayout, clusterLayout, type NodeLayout, nodeDaemons, nodeLayout, SECOND_NODE } from './layout.ts';
import { prepareNode, writePodNetwork } from './node-files.ts';
import { connectNode, disconnectNode, routePods } from './node-network.ts';
import { kubectl } from './start.ts';
import { stopSecondNodeProcesses } from './stop.ts';

/**
 * What the namespaces of a node on the same machine need before anything runs in them: loopback, a /var/lib/kubelet of
 * its own (the kubelet's device plugins have their sockets there, whatever its --root-dir says), and mounts that spread
 * among the node's own processes. $1 is that folder, the rest the command.
 */
const ENTER = 'set -e; ip link set lo up; mount --bind "$1" /var/lib/kubelet; mount --make-rshared /; shift; exec "$@"';

/** Names and paths of the second node's parts. */
interface Second {
  readonly config: ClusterConfig;
  readonly layout: ClusterLayout;
  readonly node: NodeLayout;
  readonly daemons: ReturnType<typeof nodeDaemons>;
  /** Folder of the Kubernetes binaries. */
  readonly binaries: string;
}

/**
 * Adds a second node to the running cluster unless it has one: on the same machine, in a network and a mount namespace
 * of its own, with a containerd of its own and every image of the first node. Takes 2 s, the first time half a minute
 * more for the images.
 * @returns its name
 */
export async function startSecondNode(config: ClusterConfig, progress: Progress): Promise<string> {
  const second = await describeSecond(config, progress);
  const { layout, node, daemons } = second;
  const running = Object.entries(daemons).filter(([part]) => part !== 'devicePlugin');
  if (running.every(([, name]) => findDaemon(layout, name) !== null)) return node.name;
  await removeSecondNode(config, progress);
  await progress.step('second node: container runtime and images', 30, () => startRuntime(second));
  await progress.step('second node', 3, () => startNode(second));
  return node.name;
}

/** The layouts of all nodes whose container runtime runs. */
export function runningNodes(config: ClusterConfig): readonly NodeLayout[] {
  const layout = clusterLayout(config);
  const second = nodeLayout(config, SECOND_NODE);
  return findDaemon(layout, nodeDaemons(second).containerd) === null ? [layout.node] : [layout.node, second];
}

/** Removes the second node with its pods; nothing happens if there is none. */
export async function removeSecondNode(config: ClusterConfig, progress: Progress): Promise<void> {
  const { layout, node, binaries } = await describeSecond(config, progress);
  await stopSecondNodeProcesses(config, progress);
  await disconnectNode(layout, node);
  const remove = (...args: string[]) => kubectl(layout, binaries, ['delete', '--ignore-not-found', ...args]);
  await remove('node', node.name);
  // Kubernetes would collect them a minute later; who waits for them should not.
  await remove('pods', '-A', '--field-selector', `spec.nodeName=${node.name}`, '--force', '--grace-period=0');
  for (const folder of [node.directory, join(config.runDirectory, node.name)]) {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Has the second node offer devices that no hardware stands behind. @param devices the extended resource and how many
 */
export async function startDevicePlugin(
  config: ClusterConfig,
  progress: Progress,
  devices: { readonly resourceName: string; readonly count: number },
): Promise<void> {
  const second = await describeSecond(config, progress);
  const { layout, node, daemons } = second;
  const { resourceName, count } = devices;
  const program = join(await ensureTool(config, progress, 'device-plugin'), 'device-plugin');
  if (findDaemon(layout, daemons.devicePlugin) === null) {
    await inside(second, daemons.devicePlugin, program, [`--resource=${resourceName}`, `--devices=${count}`]);
  }
  await waitForDaemon(layout, daemons.devicePlugin, 30, async () => {
    const path = `{.status.allocatable.${resourceName.replaceAll('.', '\\.')}}`;
    return (
      (await kubectl(layout, second.binaries, ['get', 'node', node.name, '-o', `jsonpath=${path}`])) === `${count}`
    );
  });
}

async function describeSecond(config: ClusterConfig, progress: Progress): Promise<Second> {
  const node = nodeLayout(config, SECOND_NODE);
  const binaries = await ensureTool(config, progress, 'kubernetes');
  return { config, layout: clusterLayout(config), node, daemons: nodeDaemons(node), binaries };
}

async function startRuntime({ config, layout, node, daemons }: Second): Promise<void> {
  await prepareNode(layout, node);
  const kubeletFolder = join(node.directory, 'var-lib-kubelet');
  await run('mkdir', ['-p', kubeletFolder, '/var/lib/kubelet']);
  const containerd = ['containerd', '--config', node.containerdConfig];
  const args = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh', kubeletFolder, ...containerd];
  await startDaemon(layout, daemons.containerd, 'unshare', args, config.environment);
  await waitForDaemon(layout, daemons.containerd, 60, async () => (await ctr(node, ['version'])) !== '');
  await connectNode(layout, node, namespacesOf(layout, daemons.containerd));
  await removeContainers(node);
  for (const reference of await listNodeImages(layout.node)) {
    // Others are what newer builds have replaced.
    if (await layoutHas(layoutFolder(config), reference)) await importImage(config, node, reference);
  }
}

async function startNode(second: Second): Promise<void> {
  const { layout, node, daemons, binaries } = second;
  await inside(second, daemons.kubelet, join(binaries, 'kubelet'), kubeletArguments(layout, node));
  const query = (path: string) => kubectl(layout, binaries, ['get', 'node', node.name, '-o', `jsonpath=${path}`]);
  let podRange = '';
  await waitForDaemon(layout, daemons.kubelet, 60, async () => {
    podRange = await query('{.spec.podCIDR}');
    return podRange !== '';
  });
  await writePodNetwork(node, podRange);
  await routePods(layout, node, podRange);
  await inside(second, daemons.kubeProxy, join(binaries, 'kube-proxy'), kubeProxyArguments(node));
  await waitUntil(`${node.name} to be Ready`, 60, async () => {
    return (await query('{.status.conditions[?(@.type=="Ready")].status}')) === 'True';
  });
}

/** Starts a daemon of the node in the namespaces of its containerd. */
async function inside(second: Second, name: string, program: string, args: readonly string[]): Promise<void> {
  const { config, layout, daemons } = second;
  const namespaces = namespacesOf(layout, daemons.containerd);
  const enter = [`--net=${namespaces}/net`, `--mount=${namespaces}/mnt`, program, ...args];
  await startDaemon(layout, name, 'nsenter', enter, config.environment);
}

/** Folder of the namespaces in which the second node lives: those of its containerd, which is there first and last. */
function namespacesOf(layout: ClusterLayout, containerd: string): string {
  const found = findDaemon(layout, containerd);
  if (found !== null) return `/proc/${found.pid}/ns`;
  throw new SluiceError(`${containerd} does not run: the cluster has no second node`, {
    code: 'NO_SECOND_NODE',
    retryable: false,
  });
}
