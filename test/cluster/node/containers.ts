import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../process/command.ts';
import type { NodeLayout } from './layout.ts';

/** Runs containerd's own client in the namespace that Kubernetes uses. */
export function ctr(node: NodeLayout, args: readonly string[], timeoutSeconds = 300): Promise<string> {
  return run('ctr', ['--address', node.containerdSocket, '--namespace', 'k8s.io', ...args], { timeoutSeconds });
}

const lines = (text: string) => text.split('\n').filter(Boolean);

/** Killing, and the runtime's own tidying after it, takes a second at most; after that they are killed by cgroup. */
const REMOVE_ATTEMPTS = 20;

/**
 * Kills and forgets every container. The image store outlives the cluster, so containers must leave it: the next
 * kubelet would otherwise find pods that no API server knows.
 * @throws SluiceError with containerd's answer if some remain
 */
export async function removeContainers(node: NodeLayout): Promise<void> {
  if (!existsSync(node.containerdSocket)) return;
  await removeAll(node, 'tasks', ['delete', '--force']);
  await removeAll(node, 'containers', ['delete']);
}

/** containerd removes what has ended by itself, too; whoever comes second gets an error, so only the list decides. */
async function removeAll(node: NodeLayout, kind: 'tasks' | 'containers', verb: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const left = lines(await ctr(node, [kind, 'list', '--quiet']));
    if (left.length === 0) return;
    try {
      await ctr(node, [kind, ...verb, ...left]);
    } catch (error) {
      if (attempt === REMOVE_ATTEMPTS) throw error;
      await sleep(100);
    }
  }
}

/** Full names of all images, e.g. `docker.io/sluice/edge:1a2b3c`. */
export async function listNodeImages(node: NodeLayout): Promise<string[]> {
  return lines(await ctr(node, ['images', 'list', '--quiet']));
}
