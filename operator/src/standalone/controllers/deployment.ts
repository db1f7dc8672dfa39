import { hashOf } from '../../runtime/apply/json.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { type DeploymentShape, isReady, type PodShape } from './shapes.ts';

/** What a Deployment needs done now. */
export interface DeploymentPlan {
  /** Pods to make. */
  readonly create: number;
  /** Pods to delete. */
  readonly remove: readonly PodShape[];
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
export function planDeployment(deployment: DeploymentShape, pods: readonly PodShape[]): DeploymentPlan {
  const { replicas, strategy } = deployment.spec;
  const hash = templateHash(deployment);
  const ended = pods.filter((pod) => isEnded(pod) && !isGoing(pod));
  const living = pods.filter((pod) => !isEnded(pod) && !isGoing(pod));
  const current = living.filter(({ metadata }) => metadata.labels[TEMPLATE_LABEL] === hash);
  const old = living.filter((pod) => !current.includes(pod));
  const going = pods.filter(isGoing);
  const isRecreate = strategy.type === 'Recreate';
  const mayMake = isRecreate ? (old.length + going.length === 0 ? replicas : 0) : replicas + SURGE - old.length;
  const create = Math.max(0, Math.min(replicas, mayMake) - current.length);
  const ready = living.filter(isReady).length;
  return {
    create: old.length === 0 && !isRecreate ? Math.max(0, replicas - current.length) : create,
    remove: [...ended, ...oldToRemove(old, isRecreate, ready - replicas), ...surplus(current, replicas)],
    status: statusOf(deployment, living, current),
  };
}

/** A pod of the Deployment's template. @param suffix of its name */
export function podOf(deployment: DeploymentShape, suffix: string): JsonObject {
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

function templateHash({ spec }: DeploymentShape): string {
  return hashOf(spec.template).slice(0, 10);
}

function isEnded({ status }: PodShape): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

function isGoing({ metadata }: PodShape): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Old pods that are not ready are no loss; of the ready ones as many go as there are more than wanted. */
function oldToRemove(old: readonly PodShape[], isRecreate: boolean, readyTooMany: number): readonly PodShape[] {
  if (isRecreate) return old;
  const ready = old.filter(isReady);
  return [...old.filter((pod) => !isReady(pod)), ...ready.slice(0, Math.max(0, readyTooMany))];
}

/** Pods beyond the wanted number: those that are not ready first, then the youngest (ReplicaSet, pod deletion cost). */
function surplus(current: readonly PodShape[], replicas: number): readonly PodShape[] {
  const worst = [...current].sort(
    (one, other) =>
      Number(isReady(one)) - Number(isReady(other)) ||
      other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp) ||
      other.metadata.name.localeCompare(one.metadata.name),
  );
  return worst.slice(0, Math.max(0, current.length - replicas));
}

function statusOf(deployment: DeploymentShape, living: readonly PodShape[], current: readonly PodShape[]): JsonObject {
  const readyReplicas = living.filter(isReady).length;
  const isAvailable = readyReplicas >= deployment.spec.replicas;
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: living.length,
    updatedReplicas: current.length,
    readyReplicas,
    availableReplicas: readyReplicas,
    unavailableReplicas: Math.max(0, deployment.spec.replicas - readyReplicas),
    conditions: [{ type: 'Available', status: isAvailable ? 'True' : 'False' }],
  };
}
