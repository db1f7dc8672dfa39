import { randomUUID } from 'node:crypto';
import { sameJson } from '../apply/json.ts';
import type { ObjectName } from '../client/client.ts';
import { conflict, invalid, StatusAnswer } from './answer.ts';
import { applied, frozen, isObject, type JsonObject, type Layers, metadataOf, overlaid, replaced } from './fields.ts';
import { History, type StoredEvent } from './history.ts';
import { metadataFaults } from './metadata.ts';
import { apiVersionOf, qualified, type ServedKind } from './served-kind.ts';

export type { StoredEvent } from './history.ts';
export type { ServedKind } from './served-kind.ts';

/** Part of an object that a request writes. */
export type Part = 'object' | 'status';

/** How a write is meant. */
export interface WriteOptions {
  /** Everything but the write itself: validation, defaults, conflicts. */
  readonly dryRun?: boolean;
}

interface Entry {
  readonly kind: ServedKind;
  readonly layers: Layers;
  /** The server's own part of its metadata. */
  readonly server: JsonObject;
  readonly object: JsonObject;
}

/** What only the server writes in metadata. */
const OF_SERVER: ReadonlySet<string> = new Set([
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp'],
  ...['deletionTimestamp', 'deletionGracePeriodSeconds'],
]);

/**
 * The objects of a Kubernetes API in memory: resource versions, generations, field ownership, defaults, validation,
 * graceful deletion and finalizers. Like the real one, a write that changes nothing makes no new version. Objects that
 * it gives are frozen: each version is an object of its own. Not like the real one: server-side apply always forces, and
 * takes a list for one field; there is neither admission nor authorization.
 */
export class ObjectStore {
  readonly kinds: readonly ServedKind[];
  /** By kind, namespace and name. */
  readonly #entries = new Map<string, Entry>();
  readonly #history: History;
  readonly #now: () => number;

  /** @param options.now milliseconds since the epoch, for timestamps */
  constructor(options: {
    readonly kinds: readonly ServedKind[];
    readonly now: () => number;
    readonly history?: History;
  }) {
    this.kinds = options.kinds;
    this.#now = options.now;
    this.#history = options.history ?? new History();
  }

  /** The version of the latest change. */
  get resourceVersion(): number {
    return this.#history.version;
  }

  /** The kind as the store keeps it; null for one that it does not. */
  kindOf({ group, version, plural }: Pick<ServedKind, 'group' | 'version' | 'plural'>): ServedKind | null {
    const isIt = (kind: ServedKind) => kind.plural === plural && kind.group === group && kind.version === version;
    return this.kinds.find(isIt) ?? null;
  }

  find(kind: ServedKind, namespace: string, name: string): JsonObject | undefined {
    return this.#entries.get(keyOf(kind, namespace, name))?.object;
  }

  /** @throws StatusAnswer 404 */
  get(kind: ServedKind, namespace: string, name: string): JsonObject {
    return this.#entry(kind, namespace, name).object;
  }

  /** All objects of a kind, in the order of namespace and name as in etcd. */
  list(kind: ServedKind): JsonObject[] {
    const prefix = keyOf(kind, '', '').slice(0, -1);
    const entries = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    return entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, { object }]) => object);
  }

  /** @throws StatusAnswer 409 AlreadyExists, 422 Invalid, 405 without a namespace */
  create(type: ServedKind, body: JsonObject, fieldManager: string, { dryRun }: WriteOptions = {}): JsonObject {
    const kind = this.kindOf(type) ?? type;
    const { name, namespace } = metadataOf(body);
    if (kind.namespaced && (namespace ?? '') === '')
      throw new StatusAnswer(405, 'MethodNotAllowed', 'the namespace is missing');
    if (this.find(kind, String(namespace ?? ''), String(name)) !== undefined) {
      throw new StatusAnswer(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`);
    }
    const layers = new Map([[`${fieldManager}/object`, partOf(kind, 'object', body)]]);
    const server = { uid: randomUUID(), generation: 1, creationTimestamp: this.#timestamp(0) };
    return this.#write({ kind, layers, server }, null, dryRun);
  }

  /**
   * Server-side apply by force; makes the object if there is none.
   * @throws StatusAnswer 404 for the status of none, 409 for another version or uid, 422 Invalid, 405 as `create`
   */
  apply(type: ServedKind, part: Part, body: JsonObject, fieldManager: string, options: WriteOptions = {}): JsonObject {
    const { namespace = '', name, uid } = metadataOf(body);
    if (this.find(type, String(namespace), String(name)) === undefined && part === 'object') {
      if (uid !== undefined) throw conflict(type, name, `uid mismatch: no object has the uid ${uid}`);
      return this.create(type, body, fieldManager, options);
    }
    const entry = this.#entry(type, String(namespace), String(name));
    requireSame(entry, body);
    const layers = applied(entry.layers, `${fieldManager}/${part}`, partOf(entry.kind, part, body));
    return this.#write({ ...entry, layers }, entry, options.dryRun);
  }

  /** Applies `spec.replicas` alone, as the scale subresource does. @throws StatusAnswer 404, 422 for no number of pods */
  applyScale(type: ServedKind, { namespace, name }: ObjectName, replicas: unknown, fieldManager: string): void {
    const { kind } = this.#entry(type, namespace, name);
    if (!Number.isInteger(replicas) || Number(replicas) < 0) {
      throw new StatusAnswer(
        422,
        'Invalid',
        'spec.replicas: Invalid value: must be a whole number that is not negative',
      );
    }
    const identity = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name } };
    this.apply(kind, 'object', { ...identity, spec: { replicas } }, fieldManager);
  }

  /**
   * Changes an object as somebody else would, e.g. a scheduler or a person, whole and without an owner of its fields.
   * @param change works on a copy; an object that it gives is taken instead
   * @throws StatusAnswer 404, 409 if the new one names another resourceVersion or uid, 422 Invalid
   */
  update(
    type: ServedKind,
    namespace: string,
    name: string,
    change: (object: JsonObject) => unknown,
    options: WriteOptions = {},
  ): JsonObject {
    const entry = this.#entry(type, namespace, name);
    const copy = structuredClone(entry.object);
    const given = change(copy);
    const wanted = received(entry.kind, isObject(given) ? given : copy);
    requireSame(entry, wanted);
    const layers = replaced(entry.layers, withoutServer(entry.object), withoutServer(wanted));
    return this.#write({ ...entry, layers }, entry, options.dryRun);
  }

  /**
   * Deletes an object, at once or when its time of grace is over and its finalizers are gone; until then it has a
   * deletionTimestamp. A time of grace that runs can only be made shorter.
   * @param options.graceSeconds instead of the kind's own; 0: now
   * @throws StatusAnswer 404, 409 for another uid
   */
  delete(
    type: ServedKind,
    namespace: string,
    name: string,
    options: { readonly uid?: string | undefined; readonly graceSeconds?: number | undefined } = {},
  ): JsonObject {
    const entry = this.#entry(type, namespace, name);
    const { kind, object, server } = entry;
    if (options.uid !== undefined && options.uid !== server.uid) throw conflict(kind, name, `its uid is ${server.uid}`);
    const seconds = kind.graceSeconds === undefined ? 0 : (options.graceSeconds ?? kind.graceSeconds(object));
    const isFirst = server.deletionTimestamp === undefined;
    if (!isFirst && Number(server.deletionGracePeriodSeconds) <= seconds) return object;
    const deletion = { deletionTimestamp: this.#timestamp(seconds), deletionGracePeriodSeconds: seconds };
    const generation = Number(server.generation) + (isFirst ? 1 : 0);
    return this.#write({ ...entry, server: { ...server, ...deletion, generation } }, entry);
  }

  /** Deletes all objects of all kinds that are so. @returns how many are gone thereby */
  deleteAll(isSo: (object: JsonObject) => boolean): number {
    const before = this.#entries.size;
    for (const { kind, object } of [...this.#entries.values()]) {
      const { namespace = '', name, deletionTimestamp } = metadataOf(object);
      if (deletionTimestamp === undefined && isSo(object)) this.delete(kind, String(namespace), String(name));
    }
    return before - this.#entries.size;
  }

  /**
   * Deletes what has only owners that are gone, until there is no more: the work of the garbage collector.
   * @returns how many objects are gone thereby
   */
  collectGarbage(): number {
    const living = new Set([...this.#entries.values()].map(({ server }) => server.uid));
    const gone = this.deleteAll((object) => {
      const { ownerReferences = [] } = metadataOf(object);
      const owners = ownerReferences as readonly JsonObject[];
      return owners.length > 0 && !owners.some(({ uid }) => living.has(uid));
    });
    return gone === 0 ? 0 : gone + this.collectGarbage();
  }

  /** Events after a version, none for one of the future. @throws StatusAnswer 410 for one that is forgotten */
  eventsSince(asked: string): readonly StoredEvent[] {
    return this.#history.since(asked);
  }

  /** Hears of every change, in order, while it is being made. @returns ends it */
  onEvent(listener: (event: StoredEvent) => void): () => void {
    return this.#history.onEvent(listener);
  }

  #entry(kind: ServedKind, namespace: string, name: string): Entry {
    const entry = this.#entries.get(keyOf(kind, namespace, name));
    if (entry !== undefined) return entry;
    throw new StatusAnswer(404, 'NotFound', `${qualified(kind)} "${name}" not found`);
  }

  #write({ kind, layers, server }: Omit<Entry, 'object'>, before: Entry | null, dryRun = false): JsonObject {
    const merged = [...layers.values()].reduce<unknown>(overlaid, {}) as JsonObject;
    const wanted = { ...merged, metadata: { ...metadataOf(merged), ...server } };
    const faults = metadataFaults(wanted.metadata, kind.namespaced);
    if (faults.length > 0) throw invalid(kind, wanted, faults);
    const object = kind.admit?.(wanted, before?.object ?? null) ?? wanted;
    const key = keyOf(kind, String(metadataOf(object).namespace ?? ''), String(metadataOf(object).name));
    if (before !== null && sameJson(object, before.object)) {
      if (!dryRun) this.#entries.set(key, { ...before, layers });
      return before.object;
    }
    const ofSpec = ({ metadata: _metadata, status: _status, ...rest }: JsonObject) => rest;
    const isNewSpec = before !== null && !sameJson(ofSpec(object), ofSpec(before.object));
    const generation = Number(server.generation) + (isNewSpec ? 1 : 0);
    const resourceVersion = String(this.resourceVersion + 1);
    const own = { ...server, generation, resourceVersion };
    const written = frozen({ ...object, metadata: { ...metadataOf(object), ...own } });
    if (dryRun) return written;
    const { finalizers = [], deletionGracePeriodSeconds } = metadataOf(object);
    const isOver = deletionGracePeriodSeconds === 0 && (finalizers as readonly unknown[]).length === 0;
    if (isOver) this.#entries.delete(key);
    else this.#entries.set(key, { kind, layers, server: own, object: written });
    const type = before === null ? 'ADDED' : isOver ? 'DELETED' : 'MODIFIED';
    this.#history.record({ type, kind, before: before?.object ?? null, object: written });
    return written;
  }

  /** RFC 3339 in whole seconds, as metav1.Time. */
  #timestamp(secondsFromNow: number): string {
    return new Date(this.#now() + secondsFromNow * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function keyOf(kind: ServedKind, namespace: string, name: string): string {
  return `${qualified(kind)}/${namespace}/${name}`;
}

/** A body in the words of what is kept. */
function received(kind: ServedKind, body: JsonObject): JsonObject {
  return kind.received?.(body) ?? body;
}

/** A copy of what a manager sets of a part of an object: its status, or all but that. */
function partOf(kind: ServedKind, part: Part, body: JsonObject): JsonObject {
  const { status, ...rest } = withoutServer(received(kind, structuredClone(body)));
  if (part === 'status') return { status: status ?? {} };
  return kind.hasStatus || status === undefined ? rest : { ...rest, status };
}

/** An object without the server's part of its metadata, and without fields of it that are null, as if they were left out. */
function withoutServer(body: JsonObject): JsonObject {
  const own = Object.entries(metadataOf(body)).filter(([field, value]) => !OF_SERVER.has(field) && value !== null);
  return { ...body, metadata: Object.fromEntries(own) };
}

/** A body that names a version or uid is meant for that one only. @throws StatusAnswer 409 */
function requireSame({ kind, object }: Entry, body: JsonObject): void {
  const { resourceVersion, uid, name } = metadataOf(body);
  const is = metadataOf(object);
  if (resourceVersion !== undefined && resourceVersion !== is.resourceVersion) {
    throw conflict(kind, name, 'the object has been modified');
  }
  if (uid !== undefined && uid !== is.uid) throw conflict(kind, name, `its uid is ${is.uid}, not ${uid}`);
}
