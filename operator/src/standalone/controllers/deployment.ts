import { hashOf } from '../../runtime/apply/json.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { isEnded, isReady, type LocalDeployment, type LocalPod } from '../api/shapes.ts';

/** Label by which pods of one template are told from those of the next, as Deployments have it. */
const TEMPLATE_LABEL = 'pod-template-hash';

/**
 * What a Deployment needs, from its pods as they are now. Pods that have ended (evicted, failed) are replaced. With a
 * new template all new pods are made at once, and an old one goes for each that is ready; with strategy Recreate the
 * new ones are made when the last old one is gone. Those that are not ready go first, then the youngest.
 * @returns how many pods to make, which to delete, and the Deployment's status
 */
export function planDeployment({ metadata, spec }: LocalDeployment, pods: readonly LocalPod[]) {
  const { replicas, strategy } = spec;
  const rank = (pod: LocalPod) => `${isReady(pod) ? 0 : 1} ${pod.metadata.creationTimestamp} ${pod.metadata.name}`;
  const staying = pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .toSorted((one, other) => (rank(one) < rank(other) ? -1 : 1));
  const living = staying.filter((pod) => !isEnded(pod));
  const hash = templateHash(spec);
  const current = living.filter((pod) => pod.metadata.labels[TEMPLATE_LABEL] === hash);
  const old = living.filter((pod) => !current.includes(pod));
  const isRecreate = strategy.type === 'Recreate';
  const mustWait = isRecreate && old.length + pods.length > staying.length;
  const oldKept = isRecreate ? 0 : Math.max(0, replicas - current.filter(isReady).length);
  return {
    create: mustWait ? 0 : Math.max(0, replicas - current.length),
    remove: [...staying.filter(isEnded), ...old.slice(oldKept), ...current.slice(replicas)],
    status: {
      observedGeneration: metadata.generation,
      replicas: living.length,
      updatedReplicas: current.length,
      readyReplicas: living.filter(isReady).length,
    },
  };
}

/** A pod of the Deployment's template. @param suffix of its name */
export function podOf({ metadata, spec }: LocalDeployment, suffix: string): JsonObject {
  const { name, namespace, uid } = metadata;
  const { labels, annotations } = spec.template.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${suffix}`,
      namespace,
      labels: { ...labels, [TEMPLATE_LABEL]: templateHash(spec) },
      annotations,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }],
    },
    spec: spec.template.spec,
  };
}

function templateHash({ template }: LocalDeployment['spec']): string {
  return hashOf(template).slice(0, 10);
}
