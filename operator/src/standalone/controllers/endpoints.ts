import { SERVICE_NAME_LABEL } from '../../link/endpoints.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { isReady, type PodShape, type ServiceShape, selects } from './shapes.ts';

/** The EndpointSlice of a Service: the pods that it selects and that have an address, in the order of their names. */
export function endpointSlice(service: ServiceShape, pods: readonly PodShape[]): JsonObject {
  const { metadata, spec } = service;
  const selected = pods
    .filter((pod) => pod.metadata.namespace === metadata.namespace && selects(spec.selector, pod.metadata.labels))
    .sort((one, other) => one.metadata.name.localeCompare(other.metadata.name));
  const owner = { apiVersion: 'v1', kind: 'Service', name: metadata.name, uid: metadata.uid, controller: true };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      labels: { [SERVICE_NAME_LABEL]: metadata.name },
      ownerReferences: [owner],
    },
    addressType: 'IPv4',
    ports: spec.ports.flatMap(({ name, port, targetPort = port }) => {
      const number = typeof targetPort === 'number' ? targetPort : namedPort(selected, targetPort);
      return number === undefined ? [] : [{ name, port: number, protocol: 'TCP' }];
    }),
    endpoints: selected.filter(({ status }) => status.podIP !== '' && isRunning(status.phase)).map(endpoint),
  };
}

/** Pods of one Service have the same names for the same ports: the first pod that has the name decides. */
function namedPort(pods: readonly PodShape[], name: string): number | undefined {
  for (const { spec } of pods) {
    for (const { ports } of [...spec.containers, ...spec.initContainers]) {
      const found = ports.find((port) => port.name === name);
      if (found !== undefined) return found.containerPort;
    }
  }
  return undefined;
}

function endpoint(pod: PodShape): JsonObject {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const serving = pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return {
    addresses: [pod.status.podIP],
    conditions: { ready: isReady(pod), serving, terminating: deletionTimestamp !== undefined },
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function isRunning(phase: string): boolean {
  return phase !== 'Failed' && phase !== 'Succeeded';
}
