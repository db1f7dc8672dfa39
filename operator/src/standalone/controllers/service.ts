import { ENDPOINT_SLICE } from '../../kinds.ts';
import { SERVICE_NAME_LABEL } from '../../link/endpoints.ts';
import type { ObjectName } from '../../runtime/client/client.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { isEnded, isReady, type LocalPod, type LocalService, portNumber } from '../api/shapes.ts';
import type { Target } from '../network/relay.ts';

/** The EndpointSlice of a Service: the pods that it selects and that have an address, in the order of their names. */
export function endpointSlice({ metadata, spec }: LocalService, pods: readonly LocalPod[]) {
  const { name, namespace, uid } = metadata;
  const wanted = Object.entries(spec.selector);
  const selected = pods
    .filter((pod) => wanted.length > 0 && pod.metadata.namespace === namespace)
    .filter((pod) => wanted.every(([key, value]) => pod.metadata.labels[key] === value))
    .toSorted((one, other) => one.metadata.name.localeCompare(other.metadata.name));
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
    endpoints: selected
      .filter((pod) => pod.status.podIP !== '' && !isEnded(pod))
      .map((pod) => ({
        addresses: [pod.status.podIP],
        conditions: { ready: isReady(pod), terminating: pod.metadata.deletionTimestamp !== undefined },
        targetRef: { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid },
      })),
  };
}

/** Where connections to a port of a Service go now: its ready pods. */
export function targetsOf(store: ObjectStore, { namespace, name }: ObjectName, portName: string): readonly Target[] {
  const slice = store.find(ENDPOINT_SLICE, namespace, name);
  if (slice === undefined) return [];
  const { ports, endpoints } = ENDPOINT_SLICE.parse(slice);
  const port = ports.find((each) => each.name === portName)?.port;
  const hosts = endpoints.flatMap(({ addresses, conditions }) => (conditions?.ready ? addresses : []));
  return port === undefined ? [] : hosts.map((host) => ({ host, port }));
}
