import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';
import { ENDPOINT_SLICE } from '../../kinds.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../../link/endpoints.ts';
import { createReflector, type Reflector } from '../../runtime/cache/reflector.ts';
import type { ApplyConfiguration, Client, ResourceType } from '../../runtime/client/client.ts';
import type { LoopbackNetwork } from './network.ts';
import { Relay, type Target } from './relay.ts';
import { servicePort } from './service-names.ts';

const serviceSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
  }),
  spec: z.object({
    clusterIP: z.string().default(''),
    ports: z.array(z.object({ name: z.string().default(''), port: z.int() })).default([]),
  }),
});
type Service = z.infer<typeof serviceSchema>;

const SERVICE: ResourceType<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  parse: (raw) => serviceSchema.parse(raw),
};

/**
 * Who comes before the first pod of a Service is ready waits this long for it, as long as an edge waits for a playlist:
 * in a run that starts everything at once that is no fault of the source.
 */
const FIRST_ENDPOINT_MS = 8000;

/** Field manager of `spec.clusterIP`. */
const FIELD_MANAGER = 'kube-proxy';

/** The address at which people find a Service. */
export interface FrontAddress {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly service: { readonly namespace: string; readonly name: string };
  /** Name of the Service's port. */
  readonly portName: string;
}

/** What the addresses of Services are made from. */
export interface ServicesOptions {
  readonly client: Client;
  readonly network: LoopbackNetwork;
  readonly page: FrontAddress;
  readonly onTrouble: (message: string) => void;
}

/** A listener that should be. */
interface Wanted {
  readonly address: string;
  readonly port: number;
  readonly service: FrontAddress['service'];
  readonly portName: string;
}

/** Gives every Service its address, and people the page's. */
export interface Services {
  close(): Promise<void>;
}

/** @throws SluiceError PORT_IN_USE for the page's */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const services = new ServiceAddresses(options);
  await services.start();
  return services;
}

class ServiceAddresses implements Services {
  readonly #options: ServicesOptions;
  readonly #services: Reflector<Service>;
  readonly #slices: Reflector<EndpointSlice>;
  readonly #relays = new Map<string, Relay>();
  readonly #opened = new Map<string, Wanted>();
  /** Listeners that had a ready endpoint once: without one they refuse connections, as kube-proxy does. */
  readonly #everReady = new Set<string>();
  readonly #waits = new Map<string, PromiseWithResolvers<void>>();
  #closed = false;

  constructor(options: ServicesOptions) {
    const { client, onTrouble } = options;
    this.#options = options;
    this.#services = createReflector({ client, type: SERVICE, onTrouble });
    this.#slices = createReflector({ client, type: ENDPOINT_SLICE, onTrouble });
  }

  async start(): Promise<void> {
    const { page, onTrouble } = this.#options;
    await this.#open({ address: '127.0.0.1', ...page }).catch((error: unknown) => {
      const message = `port ${page.port} of 127.0.0.1 cannot be opened (${messageOf(error)}): choose another by SLUICE_PORT`;
      throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false });
    });
    this.#services.onChange(({ before, after }) => {
      if (before !== null) this.#closeOthers(before, after === null ? [] : this.#wanted(after));
      if (after === null) return;
      for (const wanted of this.#wanted(after)) this.#open(wanted).catch((error) => onTrouble(messageOf(error)));
      this.#assign(after).catch((error) => onTrouble(messageOf(error)));
    });
    this.#slices.onChange(() => this.#slicesChanged());
    this.#services.start();
    this.#slices.start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#services.stop(), this.#slices.stop()]);
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
  }

  #wanted({ metadata: { namespace, name }, spec }: Service): readonly Wanted[] {
    const address = this.#options.network.serviceAddress(namespace, name);
    return spec.ports.map((port) => ({
      address,
      port: servicePort(port.port),
      service: { namespace, name },
      portName: port.name,
    }));
  }

  async #open(wanted: Wanted): Promise<void> {
    const key = keyOf(wanted);
    if (this.#relays.has(key) || this.#closed) return;
    const relay = new Relay(() => this.#firstTargets(wanted));
    this.#relays.set(key, relay);
    this.#opened.set(key, wanted);
    this.#slicesChanged();
    try {
      await relay.listen(wanted.address, wanted.port);
    } catch (error) {
      this.#forget(key);
      throw error;
    }
  }

  #closeOthers(service: Service, stay: readonly Wanted[]): void {
    const kept = new Set(stay.map(keyOf));
    for (const key of this.#wanted(service).map(keyOf)) {
      if (kept.has(key)) continue;
      const relay = this.#relays.get(key);
      this.#forget(key);
      void relay?.close();
    }
  }

  /** Ready endpoints of a Service; of one that has never had any, its first ones, for which connections wait. */
  async #firstTargets(wanted: Wanted): Promise<readonly Target[]> {
    const key = keyOf(wanted);
    if (this.#targets(wanted).length === 0 && !this.#everReady.has(key)) {
      const waits = this.#waits.get(key) ?? Promise.withResolvers<void>();
      this.#waits.set(key, waits);
      await Promise.race([waits.promise, sleep(FIRST_ENDPOINT_MS, undefined, { ref: false })]);
    }
    return this.#targets(wanted);
  }

  /** Lets the connections through that wait for Services which have endpoints now. */
  #slicesChanged(): void {
    for (const [key, wanted] of this.#opened) {
      if (this.#everReady.has(key) || this.#targets(wanted).length === 0) continue;
      this.#everReady.add(key);
      this.#waits.get(key)?.resolve();
      this.#waits.delete(key);
    }
  }

  /** Ready endpoints of a Service, asked at each connection. */
  #targets({ service, portName }: Wanted): readonly Target[] {
    return this.#slices.store.list().flatMap(({ metadata, ports, endpoints }) => {
      if (metadata.namespace !== service.namespace || metadata.labels?.[SERVICE_NAME_LABEL] !== service.name) return [];
      const port = ports.find(({ name = '' }) => name === portName)?.port;
      if (port === undefined) return [];
      const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
      return ready.flatMap(({ addresses: [host] }) => (host === undefined ? [] : [{ host, port }]));
    });
  }

  #forget(key: string): void {
    this.#relays.delete(key);
    this.#opened.delete(key);
    this.#everReady.delete(key);
  }

  /** Tells whoever reads the Service where it is. */
  async #assign({ metadata: { namespace, name }, spec }: Service): Promise<void> {
    const { client, network } = this.#options;
    const clusterIP = network.serviceAddress(namespace, name);
    if (spec.clusterIP === clusterIP) return;
    const object = { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP } };
    await client.apply(SERVICE, object as ApplyConfiguration, FIELD_MANAGER);
  }
}

function keyOf({ address, port }: Wanted): string {
  return `${address}:${port}`;
}
