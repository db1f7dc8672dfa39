import { existsSync } from 'node:fs';
import { run } from '../process/command.ts';
import type { NodeLayout } from './layout.ts';

/** Runs containerd's own client in the namespace that Kubernetes uses. */
export function ctr(node: NodeLayout, args: readonly string[], timeoutSeconds = 300): Promise<string> {
  return run('ctr', ['--address', node.containerdSocket, '--namespace', 'k8s.io', ...args], { timeoutSeconds });
}

const lines = (text: string) => text.split('\n').filter(Boolean);

/**
 * Kills and forgets every container. The image store outlives the cluster, so containers must leave it: the next
 * kubelet would otherwise find pods that no API server knows.
 */
export async function removeContainers(node: NodeLayout): Promise<void> {
  if (!existsSync(node.containerdSocket)) return;
  const tasks = lines(await ctr(node, ['tasks', 'list', '--quiet']));
  if (tasks.length > 0) await ctr(node, ['tasks', 'delete', '--force', ...tasks]);
  const containers = lines(await ctr(node, ['containers', 'list', '--quiet']));
  if (containers.length > 0) await ctr(node, ['containers', 'delete', ...containers]);
}

/** Full names of all images, e.g. `docker.io/sluice/edge:1a2b3c`. */
export async function listNodeImages(node: NodeLayout): Promise<string[]> {
  return lines(await ctr(node, ['images', 'list', '--quiet']));
}
