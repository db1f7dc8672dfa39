import type { Scale } from './scale.ts';

/**
 * What a controller needs of a Kubernetes API, without saying how it is reached. Implementations: HTTP
 * (http-client.ts) and in memory (../memory/client.ts); everything else in this runtime is written against this
 * interface.
 */

/** A kind of object as the API server names it. */
export interface ResourceType<T extends KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, the name in paths. */
  readonly plural: string;
  readonly namespaced: boolean;
  /**
   * Turns an object out of the API server into a `T`; throws on one that cannot be understood. Objects in a list or
   * watch that throw are reported and left out, they stop nothing.
   */
  parse(raw: unknown): T;
  /**
   * What `parse` makes of a status; never throws. Given only for kinds with a status subresource, whose `generation`
   * moves with every change of the spec: a cache then reads the status of a version that differs in nothing else when
   * somebody asks for it.
   */
  readonly parseStatus?: (raw: unknown) => unknown;
}

/** The least that every object has. */
export interface KubernetesObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
    readonly resourceVersion?: string | undefined;
    readonly generation?: number | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
    readonly deletionTimestamp?: string | undefined;
  };
}

/** What is known of an object after a write: its name, uid and resource version. */
export type WrittenObject = Pick<KubernetesObject, 'metadata'>;

/** Which objects of a kind. */
export interface Selection {
  /** All namespaces if left out. */
  readonly namespace?: string;
  /** As on kubectl's command line, e.g. `app=film,tier!=test`. */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** One object's name; `namespace` empty for kinds without one. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** One page of a list. */
export interface ListPage {
  /** Objects as the server sent them. */
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Token for the next page; empty at the end. */
  readonly continueToken: string;
}

/** Which page of a list. */
export interface PageOptions {
  /** Objects at most. */
  readonly limit: number;
  /** {@link ListPage.continueToken} of the page before; empty for the first. */
  readonly continueToken: string;
  /** Not older than this; the latest state if left out. */
  readonly resourceVersion?: string;
  /** Calls the list off. */
  readonly signal?: AbortSignal;
}

/** One event of a watch, as the server sent it. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** Where a watch begins and how long the server keeps it open. */
export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

/** What apply and applyStatus send: the fields that this field manager wants, all of them each time. */
export type ApplyConfiguration = KubernetesObject & { readonly apiVersion: string; readonly kind: string };

/** How an object is deleted. */
export interface DeleteOptions {
  /** Delete only this very object, not a successor of the same name. */
  readonly uid?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Instead of the object's own time of grace; 0 ends it at once, as a kubelet does with a pod that has stopped. */
  readonly gracePeriodSeconds?: number;
}

/**
 * Calls to the API server. Every call ends in bounded time and throws ApiError. The client itself repeats reads where
 * the server asks for it (429 with Retry-After) or cannot be reached for a moment, and writes only where the server
 * refused them unread (429).
 */
export interface Client {
  /** null if there is no such object. */
  get<T extends KubernetesObject>(type: ResourceType<T>, name: ObjectName): Promise<T | null>;
  /** One page of the objects of a kind. */
  list<T extends KubernetesObject>(type: ResourceType<T>, selection: Selection, page: PageOptions): Promise<ListPage>;
  /** Events from a resource version on, bookmarks included; ends when the server ends it, throws when it breaks. */
  watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>;
  /** POST; throws ApiError `AlreadyExists` where the name is taken. */
  create<T extends KubernetesObject>(type: ResourceType<T>, object: ApplyConfiguration): Promise<T>;
  /** Server-side apply with `force`: this field manager wins (KEP-555). */
  apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<T>;
  /**
   * The same on the status subresource. Only metadata come back: what the server made of a status comes by a watch, and
   * statuses are most of what a controller writes.
   */
  applyStatus<T extends KubernetesObject>(
    type: ResourceType<T>,
    configuration: ApplyConfiguration,
    fieldManager: string,
  ): Promise<WrittenObject>;
  /** How many pods an object asks for, by its scale subresource; null if there is no such object. */
  getScale<T extends KubernetesObject>(type: ResourceType<T>, name: ObjectName): Promise<Scale | null>;
  /** Asks for as many pods, by server-side apply with `force` on the scale subresource: nothing else of it is written. */
  applyScale<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: ObjectName,
    replicas: number,
    fieldManager: string,
  ): Promise<void>;
  /** False if there was nothing to delete. */
  delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options?: DeleteOptions,
  ): Promise<boolean>;
  /** Closes all connections; open watches end. */
  close(): Promise<void>;
}

/** `namespace/name`, or the name alone for kinds without namespaces: the key of caches and queues. */
export function keyOf(name: { readonly namespace?: string | undefined; readonly name: string }): string {
  return name.namespace === undefined || name.namespace === '' ? name.name : `${name.namespace}/${name.name}`;
}

/** The inverse of {@link keyOf}. */
export function nameOf(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
