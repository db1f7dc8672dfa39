import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from '../config.ts';
import { buildahFolder } from '../images/buildah.ts';
import { unmountBelow } from '../process/mounts.ts';
import { processesWithArgument } from '../process/scan.ts';
import { findDaemon, listDaemons, stopDaemon } from '../process/supervise.ts';
import { waitUntil } from '../process/wait.ts';
import type { Progress } from '../progress.ts';
import { removeCgroup } from './cgroups.ts';
import { removeContainers } from './containers.ts';
import { type ClusterLayout, clusterLayout, type NodeLayout, nodeDaemons, nodeLayout, SECOND_NODE } from './layout.ts';
import { restoreMachine } from './machine.ts';
import { belongsToAnother } from './run-folder.ts';

/** Those that would start things again go first, those that others write to last. */
const BEFORE_CONTAINERS = ['kube-proxy', 'kubelet'];
const AFTER_CONTAINERS = ['containerd', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'];
/** Nothing of a test cluster is worth waiting for; the API server drains requests for longer than that. */
const GRACE_SECONDS = 5;

/**
 * Stops the cluster and removes all that it has made outside the cache. Safe in any state, also half started. Where the
 * machine's cluster is another's, only our own files go: processes, cgroups and mounts are found by fixed names.
 */
export async function stopNodeCluster(config: ClusterConfig, progress: Progress): Promise<void> {
  const layout = clusterLayout(config);
  if (belongsToAnother(config)) {
    await rm(layout.stateDirectory, { recursive: true, force: true });
    return;
  }
  await progress.step('stop the cluster', 5, async () => {
    await stopSecondNodeProcesses(config, progress);
    for (const name of BEFORE_CONTAINERS) await stopDaemon(layout, name, GRACE_SECONDS);
    await stopContainers(layout, layout.node, 'containerd', progress);
    await removeCgroup(dirname(layout.node.cgroup));
    for (const name of AFTER_CONTAINERS) await stopDaemon(layout, name, GRACE_SECONDS);
    for (const name of await listDaemons(layout)) await stopDaemon(layout, name, GRACE_SECONDS);
  });
  await progress.step('remove its mounts, addresses and files', 1, async () => {
    // Overlay and tmpfs mounts of containers and of interrupted image builds, network namespaces, tokens.
    await unmountBelow([layout.runDirectory, layout.stateDirectory, buildahFolder(config)]);
    await restoreMachine(layout);
    await rm(layout.runDirectory, { recursive: true, force: true });
    await rm(layout.stateDirectory, { recursive: true, force: true });
  });
}

async function stopContainers(
  layout: ClusterLayout,
  node: NodeLayout,
  daemon: string,
  progress: Progress,
): Promise<void> {
  const containerd = findDaemon(layout, daemon);
  if (containerd !== null) {
    await removeContainers(node).catch((error) => progress.note(`  containers: ${messageOf(error)}; killing them`));
  }
  // What containerd could not stop, or everything if it had died itself: by cgroup, and shims by our socket's path.
  await removeCgroup(node.cgroup);
  await waitUntil('container shims to end', 10, async () => {
    const shims = processesWithArgument(node.containerdSocket).filter((pid) => pid !== containerd?.pid);
    for (const pid of shims) process.kill(pid, 'SIGKILL');
    return shims.length === 0;
  });
}

/**
 * Ends all that runs on the second node. With the last of its processes its namespaces go, and with them its mounts and
 * its end of the connection to the node bridge.
 */
export async function stopSecondNodeProcesses(config: ClusterConfig, progress: Progress): Promise<void> {
  const layout = clusterLayout(config);
  const node = nodeLayout(config, SECOND_NODE);
  const daemons = nodeDaemons(node);
  for (const name of [daemons.devicePlugin, daemons.kubeProxy, daemons.kubelet]) {
    await stopDaemon(layout, name, GRACE_SECONDS);
  }
  await stopContainers(layout, node, daemons.containerd, progress);
  await stopDaemon(layout, daemons.containerd, GRACE_SECONDS);
}
