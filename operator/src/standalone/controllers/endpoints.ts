import { SERVICE_NAME_LABEL } from '../../link/endpoints.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { isEnded, isReady, type LocalPod, type LocalService, portNumber } from '../api/shapes.ts';

/** The EndpointSlice of a Service: the pods that it selects and that have an address, in the order of their names. */
export function endpointSlice({ metadata, spec }: LocalService, pods: readonly LocalPod[]): JsonObject {
  const { name, namespace, uid } = metadata;
  const wanted = Object.entries(spec.selector);
  const selected = pods
    .filter((pod) => pod.metadata.namespace === namespace)
    .filter((pod) => wanted.every(([key, value]) => pod.metadata.labels[key] === value))
    .sort((one, other) => one.metadata.name.localeCompare(other.metadata.name));
  // Pods of one Service have the same names for the same ports: the first pod that has the name decides.
  const containers = selected.flatMap((pod) => [...pod.spec.containers, ...pod.spec.initContainers]);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace,
      labels: { [SERVICE_NAME_LABEL]: name },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true }],
    },
    addressType: 'IPv4',
    ports: spec.ports.flatMap(({ name: portName, port, targetPort = port }) => {
      const number = portNumber(containers, targetPort);
      return number === null ? [] : [{ name: portName, port: number, protocol: 'TCP' }];
    }),
    endpoints: selected.filter((pod) => pod.status.podIP !== '' && !isEnded(pod)).map(endpoint),
  };
}

function endpoint(pod: LocalPod): JsonObject {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const terminating = deletionTimestamp !== undefined;
  return {
    addresses: [pod.status.podIP],
    conditions: { ready: isReady(pod), terminating },
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}
