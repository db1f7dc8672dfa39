import { randomUUID } from 'node:crypto';
import { messageOf } from '@sluice/common/errors/error.ts';
import { ENDPOINT_SLICE } from '../../kinds.ts';
import type { KubernetesObject, ResourceType } from '../../runtime/client/client.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore, ServedKind, StoredEvent } from '../../runtime/memory/object-store.ts';
import {
  DEPLOYMENT,
  LOCAL_POD,
  type LocalDeployment,
  type LocalPod,
  type LocalService,
  SERVICE,
} from '../api/shapes.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { servicePort } from '../network/network.ts';
import type { Front, Relays, Target } from '../network/relays.ts';
import { planDeployment, podOf } from './deployment.ts';
import { endpointSlice } from './endpoints.ts';

/** What the controllers are made of. */
export interface ControllersOptions {
  readonly store: ObjectStore;
  readonly network: Pick<LoopbackNetwork, 'serviceAddress'>;
  readonly relays: Pick<Relays, 'open' | 'keepOnly'>;
  /** Where people find a Service, besides its own address. */
  readonly page: { readonly address: string; readonly port: number; readonly service: ServicePort };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told once for each new reason why an object cannot be worked on. */
  readonly onTrouble: (message: string) => void;
}

/** A port of a Service by its names. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
}

/** Kubernetes keeps events for an hour (kube-apiserver, --event-ttl). */
const EVENT_TTL_MILLISECONDS = 3_600_000;
const EXPIRY_MILLISECONDS = 60_000;
/** Kinds whose changes ask for something; of the others only that they come and go does. */
const WATCHED: ReadonlySet<string> = new Set([LOCAL_POD.plural, DEPLOYMENT.plural, SERVICE.plural]);
/** Reasons that are remembered so as not to be told twice. */
const TROUBLES_MAX = 100;

/**
 * Kubernetes' own controllers, as far as this mode needs them: pods for Deployments, EndpointSlices and addresses for
 * Services, the end of what belongs to something that is gone (owners, namespaces) or is old (events). The store is in
 * this process and never waits, so one pass over all objects after each change does; it writes only what differs.
 */
export class Controllers {
  readonly #options: ControllersOptions;
  readonly #store: ObjectStore;
  readonly #told = new Set<string>();
  readonly #ends: readonly (() => void)[];
  #pass: NodeJS.Immediate | null = null;

  /** Begins at once. */
  constructor(options: ControllersOptions) {
    this.#options = options;
    this.#store = options.store;
    const expiry = setInterval(() => this.expireEvents(), EXPIRY_MILLISECONDS).unref();
    this.#ends = [options.store.onEvent((event) => this.#onEvent(event)), () => clearInterval(expiry)];
    this.#schedule();
  }

  stop(): void {
    for (const end of this.#ends) end();
    if (this.#pass !== null) clearImmediate(this.#pass);
  }

  /** Removes events that are old. */
  expireEvents(): void {
    const oldest = this.#options.now() - EVENT_TTL_MILLISECONDS;
    for (const { kind, object } of [...this.#store.all()].filter((each) => each.kind.plural === 'events')) {
      const { series, eventTime } = object;
      const at = String((isObject(series) ? series.lastObservedTime : undefined) ?? eventTime);
      if (Date.parse(at) < oldest) this.#delete(kind, object);
    }
  }

  #onEvent({ kind, type, object }: StoredEvent): void {
    if (kind.plural === 'namespaces' && type === 'DELETED') this.#deleteContent(String(metadataOf(object).name));
    if (type !== 'MODIFIED' || WATCHED.has(kind.plural)) this.#schedule();
  }

  /** Changes that come together are worked on together. */
  #schedule(): void {
    this.#pass ??= setImmediate(() => {
      this.#pass = null;
      this.#run();
    });
  }

  #run(): void {
    this.#store.collectGarbage();
    const pods = this.#read(LOCAL_POD);
    for (const deployment of this.#read(DEPLOYMENT)) {
      this.#try(`Deployment ${deployment.metadata.name}`, () => this.#runDeployment(deployment, pods));
    }
    const services = this.#read(SERVICE);
    for (const service of services.filter(({ spec }) => Object.keys(spec.selector).length > 0)) {
      const slice = endpointSlice(service, pods);
      this.#try(`Service ${service.metadata.name}`, () => this.#apply(ENDPOINT_SLICE, 'object', slice));
    }
    this.#openAddresses(services);
  }

  #runDeployment(deployment: LocalDeployment, pods: readonly LocalPod[]): void {
    const { name, namespace, uid } = deployment.metadata;
    const own = pods.filter(({ metadata }) => metadata.ownerReferences.some((owner) => owner.uid === uid));
    const plan = planDeployment(deployment, own);
    for (let made = 0; made < plan.create; made += 1) {
      this.#store.create(LOCAL_POD, podOf(deployment, randomUUID().slice(0, 5)), 'deployment-controller');
    }
    for (const { metadata } of plan.remove) {
      this.#store.delete(LOCAL_POD, metadata.namespace, metadata.name, metadata.uid);
    }
    const status = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, status: plan.status };
    this.#apply(DEPLOYMENT, 'status', status);
  }

  #openAddresses(services: readonly LocalService[]): void {
    const { network, relays, page } = this.#options;
    const fronts = services.flatMap(({ metadata: { namespace, name }, spec }) =>
      spec.ports.map((port): Front => {
        const targets = () => this.#targets({ namespace, name, portName: port.name });
        return { address: network.serviceAddress(namespace, name), port: servicePort(port.port), targets };
      }),
    );
    relays.keepOnly([page, ...fronts]);
    for (const front of fronts) relays.open(front).catch((error: unknown) => this.#tell(messageOf(error)));
  }

  /** Opens the page's address. @throws SluiceError PORT_IN_USE */
  openPage(): Promise<void> {
    const { address, port, service } = this.#options.page;
    return this.#options.relays.open({ address, port, targets: () => this.#targets(service) });
  }

  /** Ready endpoints of a Service now. */
  #targets({ namespace, name, portName }: ServicePort): readonly Target[] {
    const isIt = ({ metadata }: KubernetesObject) => metadata.namespace === namespace && metadata.name === name;
    return this.#read(ENDPOINT_SLICE)
      .filter(isIt)
      .flatMap(({ ports, endpoints }) => {
        const port = ports.find((each) => (each.name ?? '') === portName)?.port;
        const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
        return ready.flatMap(({ addresses: [host] }) => (host && port ? [{ host, port }] : []));
      });
  }

  #deleteContent(namespace: string): void {
    for (const { kind, object } of [...this.#store.all()]) {
      if (kind.namespaced && metadataOf(object).namespace === namespace) this.#delete(kind, object);
    }
  }

  #delete(kind: ServedKind, object: JsonObject): void {
    const { namespace = '', name, uid } = metadataOf(object);
    this.#try(`${kind.kind} ${name}`, () => this.#store.delete(kind, String(namespace), String(name), String(uid)));
  }

  #apply(type: ServedKind, part: 'object' | 'status', object: JsonObject): void {
    this.#store.apply(type, part, object, 'standalone-controllers');
  }

  /** Objects that cannot be read are told of and left out. */
  #read<T extends KubernetesObject>(type: ResourceType<T>): readonly T[] {
    return this.#store.list(type).flatMap((raw) => {
      const result: T[] = [];
      this.#try(`${type.kind} ${metadataOf(raw).name}`, () => result.push(type.parse(raw)));
      return result;
    });
  }

  #try(what: string, act: () => unknown): void {
    try {
      act();
    } catch (error) {
      this.#tell(`${what}: ${messageOf(error)}`);
    }
  }

  #tell(trouble: string): void {
    if (this.#told.size >= TROUBLES_MAX) this.#told.clear();
    if (!this.#told.has(trouble)) this.#options.onTrouble(trouble);
    this.#told.add(trouble);
  }
}
