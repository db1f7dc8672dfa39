import { randomUUID } from 'node:crypto';
import { messageOf } from '@sluice/common/errors/error.ts';
import { ENDPOINT_SLICE } from '../../kinds.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { DEPLOYMENT, LOCAL_POD, type LocalDeployment, type LocalPod, SERVICE } from '../api/shapes.ts';
import { type LoopbackNetwork, servicePort } from '../network/network.ts';
import type { Front, Relays } from '../network/relays.ts';
import { planDeployment, podOf } from './deployment.ts';
import { endpointSlice, targetsOf } from './service.ts';

/** What the controllers are made of. */
export interface ControllersOptions {
  readonly store: ObjectStore;
  readonly network: Pick<LoopbackNetwork, 'serviceAddress'>;
  readonly relays: Pick<Relays, 'serve'>;
  /** Where people find the first port of a Service, besides its own address. */
  readonly page: Pick<Front, 'address' | 'port'> & {
    readonly service: { readonly namespace: string; readonly name: string };
  };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told when a pass fails; the next change of anything begins another one. */
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
export function runControllers(options: ControllersOptions): () => void {
  const { store } = options;
  let pass: NodeJS.Immediate | null = null;
  /** Changes that come together are worked on together. */
  const schedule = (): void => {
    pass ??= setImmediate(() => {
      pass = null;
      try {
        reconcile(options);
      } catch (error) {
        options.onTrouble(messageOf(error));
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
  return () => {
    unsubscribe();
    if (pass !== null) clearImmediate(pass);
  };
}

function reconcile(options: ControllersOptions): void {
  const { store, now } = options;
  store.collectGarbage();
  const oldest = now() - EVENT_TTL_MILLISECONDS;
  store.deleteAll((object) => object.kind === 'Event' && timeOf(object) < oldest);
  const pods = store.list(LOCAL_POD).map((raw) => LOCAL_POD.parse(raw));
  for (const raw of store.list(DEPLOYMENT)) runDeployment(store, DEPLOYMENT.parse(raw), pods);
  runServices(options, pods);
}

function runDeployment(store: ObjectStore, deployment: LocalDeployment, pods: readonly LocalPod[]): void {
  const { name, namespace, uid } = deployment.metadata;
  const own = pods.filter(({ metadata }) => metadata.ownerReferences.some((owner) => owner.uid === uid));
  const plan = planDeployment(deployment, own);
  for (let made = 0; made < plan.create; made += 1) {
    store.create(LOCAL_POD, podOf(deployment, randomUUID().slice(0, 5)), 'deployment-controller');
  }
  for (const { metadata } of plan.remove) store.delete(LOCAL_POD, metadata.namespace, metadata.name);
  const status = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, status: plan.status };
  store.apply(DEPLOYMENT, 'status', status, 'deployment-controller');
}

/** Tells the operator of the pods of each Service, and leads each of its ports to those that are ready. */
function runServices({ store, network, relays, page, onTrouble }: ControllersOptions, pods: readonly LocalPod[]): void {
  const fronts = store.list(SERVICE).flatMap((raw) => {
    const service = SERVICE.parse(raw);
    const slice = endpointSlice(service, pods);
    store.apply(ENDPOINT_SLICE, 'object', slice, 'endpoint-controller');
    const address = network.serviceAddress(service.metadata.namespace, service.metadata.name);
    return service.spec.ports.map(({ name, port }) => {
      return { address, port: servicePort(port), targets: targetsOf(slice, name) };
    });
  });
  const edges = network.serviceAddress(page.service.namespace, page.service.name);
  const { targets = [] } = fronts.find(({ address }) => address === edges) ?? {};
  relays.serve([{ ...page, targets }, ...fronts], onTrouble);
}

/** When an Event happened, the last time. */
function timeOf({ series, eventTime }: JsonObject): number {
  return Date.parse(String((isObject(series) ? series.lastObservedTime : undefined) ?? eventTime));
}
