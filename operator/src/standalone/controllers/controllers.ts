import { messageOf } from '@sluice/common/errors/error.ts';
import { ENDPOINT_SLICE } from '../../kinds.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { DEPLOYMENT, LOCAL_POD, type LocalPod, SERVICE } from '../api/shapes.ts';
import { type LoopbackNetwork, servicePort } from '../network/network.ts';
import type { openRelay } from '../network/relay.ts';
import { runDeployment } from './deployment.ts';
import { endpointSlice, targetsOf } from './service.ts';
import { type ServicePort, ServiceRelays } from './service-relays.ts';

/** What the controllers are made of. */
export interface ControllersOptions {
  readonly store: ObjectStore;
  readonly network: Pick<LoopbackNetwork, 'serviceAddress'>;
  readonly openRelay: typeof openRelay;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told when a pass fails, or an address cannot be opened; the next change of anything begins another pass. */
  readonly onTrouble: (message: string) => void;
}

/** Kubernetes keeps events for an hour (kube-apiserver, --event-ttl). */
const EVENT_TTL_MILLISECONDS = 3_600_000;
/** Kinds whose changes ask for something; of the others only that they come and go does. */
const WATCHED: ReadonlySet<string> = new Set([LOCAL_POD.plural, DEPLOYMENT.plural, SERVICE.plural]);

/**
 * Runs Kubernetes' own controllers, as far as this mode needs them: pods for Deployments, EndpointSlices and addresses
 * for Services, the end of what belongs to something that is gone (owners, namespaces) or is old (events). The store is
 * in this process and never waits, so one pass over all objects after each change does; it writes only what differs.
 * @returns ends it
 */
export function runControllers(options: ControllersOptions): () => Promise<void> {
  const { store, onTrouble } = options;
  const relays = new ServiceRelays(options.openRelay, onTrouble);
  let pass: NodeJS.Immediate | null = null;
  /** Changes that come together are worked on together. */
  const schedule = (): void => {
    pass ??= setImmediate(() => {
      pass = null;
      try {
        reconcile(options, relays);
      } catch (error) {
        onTrouble(messageOf(error));
      }
    });
  };
  schedule();
  const unsubscribe = store.onEvent(({ kind, type, object }) => {
    if (kind.kind === 'Namespace' && type === 'DELETED') {
      store.deleteAll((each) => metadataOf(each).namespace === metadataOf(object).name);
    }
    if (type !== 'MODIFIED' || WATCHED.has(kind.plural)) schedule();
  });
  return async () => {
    unsubscribe();
    if (pass !== null) clearImmediate(pass);
    await relays.close();
  };
}

function reconcile(options: ControllersOptions, relays: ServiceRelays): void {
  const { store, now } = options;
  store.collectGarbage();
  const oldest = now() - EVENT_TTL_MILLISECONDS;
  store.deleteAll((object) => object.kind === 'Event' && timeOf(object) < oldest);
  const pods = store.list(LOCAL_POD).map((raw) => LOCAL_POD.parse(raw));
  for (const raw of store.list(DEPLOYMENT)) runDeployment(store, DEPLOYMENT.parse(raw), pods);
  runServices(options, pods, relays);
}

/** Tells the operator of the pods of each Service, and leads each of its ports to those that are ready. */
function runServices({ store, network }: ControllersOptions, pods: readonly LocalPod[], relays: ServiceRelays): void {
  const ports = store.list(SERVICE).flatMap((raw): readonly ServicePort[] => {
    const { metadata, spec } = SERVICE.parse(raw);
    store.apply(ENDPOINT_SLICE, 'object', endpointSlice({ metadata, spec }, pods), 'endpoint-controller');
    const address = network.serviceAddress(metadata.namespace, metadata.name);
    return spec.ports.map(({ name, port }) => {
      return { address, port: servicePort(port), targets: () => targetsOf(store, metadata, name) };
    });
  });
  relays.follow(ports);
}

/** When an Event happened, the last time. */
function timeOf({ series, eventTime }: JsonObject): number {
  return Date.parse(String((isObject(series) ? series.lastObservedTime : undefined) ?? eventTime));
}
