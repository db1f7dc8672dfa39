import { randomUUID } from 'node:crypto';
import { hashOf } from '../../runtime/apply/json.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { isEnded, isReady, LOCAL_POD, type LocalDeployment, type LocalPod } from '../api/shapes.ts';

/** Label by which pods of one template are told from those of the next, as Deployments have it. */
const TEMPLATE_LABEL = 'pod-template-hash';

/**
 * Makes and deletes pods of a Deployment. Those that have ended (evicted, failed) are replaced. With a new template all
 * new pods are made at once, and an old one goes for each that is ready; with strategy Recreate the new ones are made
 * when the last old one is gone. Those that are not ready go first, then the youngest.
 * @param pods of all owners, as they are now
 */
export function runDeployment(store: ObjectStore, deployment: LocalDeployment, pods: readonly LocalPod[]): void {
  const { name, namespace, uid } = deployment.metadata;
  const { replicas, strategy, template } = deployment.spec;
  const rank = (pod: LocalPod) => `${isReady(pod) ? 0 : 1} ${pod.metadata.creationTimestamp} ${pod.metadata.name}`;
  const own = pods.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
  const staying = own
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((one, other) => (rank(one) < rank(other) ? -1 : 1));
  const [ended, living] = [staying.filter(isEnded), staying.filter((pod) => !isEnded(pod))];
  const hash = hashOf(template).slice(0, 10);
  const isCurrent = ({ metadata }: LocalPod) => metadata.labels[TEMPLATE_LABEL] === hash;
  const [current, old] = [living.filter(isCurrent), living.filter((pod) => !isCurrent(pod))];
  const isRecreate = strategy.type === 'Recreate';
  const oldKept = isRecreate ? 0 : Math.max(0, replicas - current.filter(isReady).length);
  for (const { metadata } of [...ended, ...old.slice(oldKept), ...current.slice(replicas)]) {
    store.delete(LOCAL_POD, namespace, metadata.name);
  }
  if (isRecreate && old.length + own.length > staying.length) return;
  const { labels, annotations } = template.metadata;
  for (let made = current.length; made < replicas; made += 1) {
    const metadata = {
      name: `${name}-${randomUUID().slice(0, 5)}`,
      namespace,
      labels: { ...labels, [TEMPLATE_LABEL]: hash },
      annotations,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }],
    };
    store.create(LOCAL_POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec }, 'deployment-controller');
  }
}
