import type { LocalPod } from './pod.ts';

/** Name of the only node. */
export const NODE_NAME = 'local';

/** Labels that Kubernetes gives every node. @param architecture as Node names it */
export function nodeLabels(architecture: string): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture === 'x64' ? 'amd64' : architecture,
    'kubernetes.io/hostname': NODE_NAME,
  };
}

/**
 * Why a pod does not fit on this machine, in the scheduler's words; null: it does. No extended resource (a GPU by its
 * device plugin) is offered here, so that what waits for one falls back as it would in a cluster without.
 */
export function unschedulable({ spec }: LocalPod, labels: Readonly<Record<string, string>>): string | null {
  const selects = Object.entries(spec.nodeSelector).some(([name, value]) => labels[name] !== value);
  if (selects) return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
  const limits = [...spec.initContainers, ...spec.containers].flatMap(({ resources }) =>
    Object.entries(resources.limits),
  );
  const missing = limits.find(([name, amount]) => name.includes('/') && Number(amount) !== 0);
  return missing === undefined ? null : `0/1 nodes are available: 1 Insufficient ${missing[0]}.`;
}
