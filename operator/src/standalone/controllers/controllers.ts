import { randomUUID } from 'node:crypto';
import { messageOf } from '@sluice/common/errors/error.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore, ServedKind, StoredEvent } from '../../runtime/memory/object-store.ts';
import { planDeployment, podOf } from './deployment.ts';
import { endpointSlice } from './endpoints.ts';
import { type DeploymentShape, type PodShape, readDeployment, readPod, readService } from './shapes.ts';

/** What the controllers are made of. */
export interface ControllersOptions {
  readonly store: ObjectStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told once for each new reason why an object cannot be worked on. */
  readonly onTrouble: (message: string) => void;
}

/** Kubernetes keeps events for an hour (kube-apiserver, --event-ttl). */
const EVENT_TTL_MILLISECONDS = 3_600_000;
const EXPIRY_MILLISECONDS = 60_000;
/** Reasons that are remembered so as not to be told twice. */
const TROUBLES_MAX = 100;
const WATCHED = new Set(['pods', 'deployments', 'services', 'namespaces']);

/**
 * Kubernetes' own controllers, as far as the standalone mode needs them: pods for Deployments, EndpointSlices for
 * Services, the end of what belongs to something that is gone (owners, namespaces) or is old (events). The store is in
 * this process and never waits, so one pass over all objects after each change does; it writes only what differs.
 */
export function startControllers(options: ControllersOptions): { stop(): void } {
  const controllers = new Controllers(options);
  const unsubscribe = options.store.onEvent((event) => controllers.onEvent(event));
  const expiry = setInterval(() => controllers.expireEvents(), EXPIRY_MILLISECONDS).unref();
  controllers.schedule();
  return {
    stop() {
      unsubscribe();
      clearInterval(expiry);
      controllers.stop();
    },
  };
}

class Controllers {
  readonly #options: ControllersOptions;
  readonly #store: ObjectStore;
  readonly #told = new Set<string>();
  #pass: NodeJS.Immediate | null = null;

  constructor(options: ControllersOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  onEvent({ kind, type, object }: StoredEvent): void {
    if (kind.plural === 'namespaces' && type === 'DELETED') this.#deleteContent(String(metadataOf(object).name));
    const hasOwner = metadataOf(object).ownerReferences !== undefined;
    if (WATCHED.has(kind.plural) || type === 'DELETED' || (type === 'ADDED' && hasOwner)) this.schedule();
  }

  /** Changes that come together are worked on together. */
  schedule(): void {
    this.#pass ??= setImmediate(() => {
      this.#pass = null;
      this.#run();
    });
  }

  stop(): void {
    if (this.#pass !== null) clearImmediate(this.#pass);
  }

  expireEvents(): void {
    const oldest = this.#options.now() - EVENT_TTL_MILLISECONDS;
    const events = this.#kind('events');
    for (const object of this.#store.list(events)) {
      const { series, eventTime } = object;
      const at = String((isObject(series) ? series.lastObservedTime : undefined) ?? eventTime);
      if (Date.parse(at) < oldest) this.#delete(events, object);
    }
  }

  #run(): void {
    this.#store.collectGarbage();
    const pods = this.#read('pods', readPod);
    for (const deployment of this.#read('deployments', readDeployment)) {
      this.#try(`Deployment ${deployment.metadata.name}`, () => this.#runDeployment(deployment, pods));
    }
    for (const service of this.#read('services', readService)) {
      if (Object.keys(service.spec.selector).length === 0) continue;
      const slice = endpointSlice(service, pods);
      this.#try(`Service ${service.metadata.name}`, () => this.#apply('endpointslices', 'object', slice));
    }
  }

  #runDeployment(deployment: DeploymentShape, pods: readonly PodShape[]): void {
    const { name, namespace, uid } = deployment.metadata;
    const own = pods.filter(({ metadata }) => metadata.ownerReferences.some((owner) => owner.uid === uid));
    const plan = planDeployment(deployment, own);
    for (let made = 0; made < plan.create; made += 1) {
      this.#store.create(this.#kind('pods'), podOf(deployment, randomUUID().slice(0, 5)), 'deployment-controller');
    }
    for (const { metadata } of plan.remove) {
      this.#store.delete(this.#kind('pods'), metadata.namespace, metadata.name, metadata.uid);
    }
    const status = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, status: plan.status };
    this.#apply('deployments', 'status', status);
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

  #apply(plural: string, part: 'object' | 'status', object: JsonObject): void {
    this.#store.apply(this.#kind(plural), part, object, 'standalone-controllers', true);
  }

  /** Objects that cannot be read are told of and left out. */
  #read<T>(plural: string, read: (raw: unknown) => T): readonly T[] {
    return this.#store.list(this.#kind(plural)).flatMap((raw) => {
      const result: T[] = [];
      this.#try(`${plural} ${metadataOf(raw).name}`, () => result.push(read(raw)));
      return result;
    });
  }

  #try(what: string, act: () => unknown): void {
    try {
      act();
    } catch (error) {
      const trouble = `${what}: ${messageOf(error)}`;
      if (this.#told.size >= TROUBLES_MAX) this.#told.clear();
      if (!this.#told.has(trouble)) this.#options.onTrouble(trouble);
      this.#told.add(trouble);
    }
  }

  #kind(plural: string): ServedKind {
    const kind = this.#store.kinds.find((each) => each.plural === plural);
    if (kind === undefined) throw new RangeError(`the store keeps no ${plural}`);
    return kind;
  }
}
