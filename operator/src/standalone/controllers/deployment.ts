import { hashOf } from '../../runtime/apply/json.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { isEnded, isReady, type LocalDeployment, type LocalPod } from '../api/shapes.ts';

/** What a Deployment needs done now. */
export interface DeploymentPlan {
  /** Pods to make. */
  readonly create: number;
  /** Pods to delete. */
  readonly remove: readonly LocalPod[];
  readonly status: JsonObject;
}

/** Label by which pods of one template are told from those of the next, as Deployments have it. */
const TEMPLATE_LABEL = 'pod-template-hash';
/** More pods than wanted while a template is replaced; none less: an old pod goes when its successor is ready. */
const SURGE = 1;

/**
 * What a Deployment needs, from its pods as they are now. Pods that have ended (evicted, failed) are replaced. A new
 * template replaces pods one after the other; with strategy Recreate all old ones go first.
 */
export function planDeployment(deployment: LocalDeployment, pods: readonly LocalPod[]): DeploymentPlan {
  const { replicas, strategy } = deployment.spec;
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const living = staying.filter((pod) => !isEnded(pod));
  const isCurrent = ({ metadata }: LocalPod) => metadata.labels[TEMPLATE_LABEL] === templateHash(deployment);
  const [current, old] = [living.filter(isCurrent), living.filter((pod) => !isCurrent(pod))];
  const isRecreate = strategy.type === 'Recreate';
  const mustWait = isRecreate && old.length + pods.length - staying.length > 0;
  const room = old.length === 0 ? replicas : replicas + SURGE - old.length;
  const ready = living.filter(isReady).length;
  return {
    create: mustWait ? 0 : Math.max(0, Math.min(replicas, room) - current.length),
    remove: [
      ...staying.filter(isEnded),
      ...(isRecreate ? old : surplus(old, old.filter(isReady).length - Math.max(0, ready - replicas))),
      ...surplus(current, replicas),
    ],
    status: {
      observedGeneration: deployment.metadata.generation,
      replicas: living.length,
      updatedReplicas: current.length,
      readyReplicas: ready,
      availableReplicas: ready,
    },
  };
}

/** A pod of the Deployment's template. @param suffix of its name */
export function podOf(deployment: LocalDeployment, suffix: string): JsonObject {
  const { metadata, spec } = deployment;
  const { labels, annotations } = spec.template.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${metadata.name}-${suffix}`,
      namespace: metadata.namespace,
      labels: { ...labels, [TEMPLATE_LABEL]: templateHash(deployment) },
      annotations,
      ownerReferences: [owner],
    },
    spec: spec.template.spec,
  };
}

function templateHash({ spec }: LocalDeployment): string {
  return hashOf(spec.template).slice(0, 10);
}

/** Pods beyond a number: those that are not ready first, then the youngest (ReplicaSet, pod deletion cost). */
function surplus(pods: readonly LocalPod[], wanted: number): readonly LocalPod[] {
  const worst = [...pods].sort(
    (one, other) =>
      Number(isReady(one)) - Number(isReady(other)) ||
      other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp) ||
      other.metadata.name.localeCompare(one.metadata.name),
  );
  return worst.slice(0, Math.max(0, pods.length - wanted));
}
