import { randomUUID } from 'node:crypto';
import { sameJson } from '../apply/json.ts';
import { conflict, invalid, StatusAnswer } from './answer.ts';
import { applied, frozen, isObject, type JsonObject, metadataOf, type Owners, ownedFields } from './fields.ts';
import { History, type StoredEvent } from './history.ts';
import { qualified, type ServedKind } from './served-kind.ts';

export type { StoredEvent } from './history.ts';
export type { ServedKind } from './served-kind.ts';

/** Part of an object that a request writes. */
export type Part = 'object' | 'status';

/** What a store is made of. */
export interface ObjectStoreOptions {
  readonly kinds: readonly ServedKind[];
  /** Milliseconds since the epoch, for timestamps. */
  readonly now: () => number;
  /** Changes that are kept for watches at least; default 2,000, some 10 MB of large objects. */
  readonly historyLimit?: number;
}

/** How a write is meant. */
export interface WriteOptions {
  /** Everything but the write itself: validation, defaults, conflicts. */
  readonly dryRun?: boolean;
}

interface Entry {
  readonly kind: ServedKind;
  readonly object: JsonObject;
  readonly owners: Owners;
}

const HISTORY_LIMIT = 2000;
/** What only the server writes in metadata. */
const SERVER_FIELDS = ['uid', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'];

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

  constructor({ kinds, now, historyLimit = HISTORY_LIMIT }: ObjectStoreOptions) {
    this.kinds = kinds;
    this.#now = now;
    this.#history = new History(historyLimit);
  }

  /** The version of the latest change. */
  get resourceVersion(): number {
    return this.#history.version;
  }

  /** @throws StatusAnswer 504 for a version of the future, in the words by which clients know it */
  requireVersion(asked: string): void {
    if (Number(asked) <= this.resourceVersion) return;
    const message = `Too large resource version: ${asked}, current: ${this.resourceVersion}`;
    throw new StatusAnswer(504, 'Timeout', message);
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
    const prefix = `${qualified(kind)}/`;
    const entries = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    return entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, { object }]) => object);
  }

  /** Objects of all kinds, in no order. */
  all(): readonly { readonly kind: ServedKind; readonly object: JsonObject }[] {
    return [...this.#entries.values()];
  }

  /** @throws StatusAnswer 409 AlreadyExists, 422 Invalid, 405 without a namespace */
  create(type: ServedKind, body: JsonObject, fieldManager: string, { dryRun }: WriteOptions = {}): JsonObject {
    const kind = this.kindOf(type) ?? type;
    const { name, namespace = '' } = metadataOf(body);
    if (typeof name !== 'string' || name === '') {
      throw invalid(kind, body, [{ path: 'metadata.name', message: 'an object needs a name' }]);
    }
    if (kind.namespaced && namespace === '')
      throw new StatusAnswer(405, 'MethodNotAllowed', 'the namespace is missing');
    if (this.find(kind, String(namespace), name) !== undefined) {
      throw new StatusAnswer(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`);
    }
    const object = structuredClone(body);
    if (kind.hasStatus) delete object.status;
    const owners = new Map([[`${fieldManager}/object`, ownedFields(object)]]);
    const ofServer = { uid: randomUUID(), generation: 1, creationTimestamp: this.#timestamp(0) };
    Object.assign(metadataOf(object), ofServer);
    const admitted = kind.admit?.(object, null) ?? object;
    return dryRun ? admitted : this.#record('ADDED', { kind, object: admitted, owners });
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
    const { status, ...rest } = body;
    const wanted = part === 'status' ? { status: status ?? {} } : entry.kind.hasStatus ? rest : body;
    const { object, owners } = applied(entry, `${fieldManager}/${part}`, wanted);
    return this.#write({ ...entry, object, owners }, entry, part, options);
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
    const wanted = isObject(given) ? given : copy;
    requireSame(entry, wanted);
    const ofServer = Object.entries(metadataOf(entry.object)).filter(([field]) => SERVER_FIELDS.includes(field));
    const object = { ...wanted, metadata: { ...metadataOf(wanted), ...Object.fromEntries(ofServer) } };
    return this.#write({ ...entry, object }, entry, 'object', options);
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
    const { kind, object } = entry;
    const { uid, generation, deletionTimestamp, deletionGracePeriodSeconds } = metadataOf(object);
    if (options.uid !== undefined && options.uid !== uid) throw conflict(kind, name, `its uid is ${uid}`);
    const seconds = kind.graceSeconds === undefined ? 0 : (options.graceSeconds ?? kind.graceSeconds(object));
    if (seconds === 0 && !hasFinalizers(object)) return this.#record('DELETED', entry);
    const isFirst = deletionTimestamp === undefined;
    if (!isFirst && Number(deletionGracePeriodSeconds) <= seconds) return object;
    const metadata = {
      ...metadataOf(object),
      deletionTimestamp: this.#timestamp(seconds),
      deletionGracePeriodSeconds: seconds,
      generation: Number(generation) + (isFirst ? 1 : 0),
    };
    return this.#write({ ...entry, object: { ...object, metadata } }, entry, 'status', {});
  }

  /**
   * Deletes what has only owners that are gone, until there is no more: the work of the garbage collector.
   * @returns how many objects are gone thereby
   */
  collectGarbage(): number {
    const before = this.#entries.size;
    const living = new Set(this.all().map(({ object }) => metadataOf(object).uid));
    for (const { kind, object } of this.all()) {
      const { namespace = '', name } = metadataOf(object);
      if (isOrphan(object, living)) this.delete(kind, String(namespace), String(name));
    }
    const gone = before - this.#entries.size;
    return gone === 0 ? 0 : gone + this.collectGarbage();
  }

  /** Events after a version, none for one of the future. @throws StatusAnswer 410 for one that is forgotten */
  eventsSince(asked: string): readonly StoredEvent[] {
    return this.#history.since(asked);
  }

  /** Forgets the history, so that a watch from any version before now is Expired. */
  compact(): void {
    this.#history.forget(1);
  }

  /** Goes back to smaller versions with the same objects, as etcd restored from a backup. */
  rewind(versions: number): void {
    this.#history.forget(-versions);
    for (const entry of [...this.#entries.values()]) this.#keep(entry);
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

  #write(wanted: Entry, entry: Entry, part: Part, { dryRun }: WriteOptions): JsonObject {
    const { kind, object: before } = entry;
    const next = kind.admit?.(wanted.object, before) ?? wanted.object;
    if (sameJson(next, before)) {
      if (!dryRun) this.#entries.set(keyOfObject(kind, before), { ...entry, owners: wanted.owners });
      return before;
    }
    const metadata = { ...metadataOf(next) };
    const isSame = sameJson({ ...next, metadata: 0, status: 0 }, { ...before, metadata: 0, status: 0 });
    if (part === 'object' && !isSame) metadata.generation = Number(metadata.generation) + 1;
    const changed = { ...wanted, object: { ...next, metadata } };
    if (dryRun) return changed.object;
    const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
    const isOver = deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && !hasFinalizers(next);
    return this.#record(isOver ? 'DELETED' : 'MODIFIED', changed);
  }

  #record(type: StoredEvent['type'], entry: Entry): JsonObject {
    const { kind } = entry;
    this.#history.version += 1;
    const key = keyOfObject(kind, entry.object);
    const before = this.#entries.get(key)?.object ?? null;
    const object = this.#keep(entry);
    if (type === 'DELETED') this.#entries.delete(key);
    this.#history.record({ type, resourceVersion: this.resourceVersion, kind, before, object });
    return object;
  }

  /** Keeps an object under the version of now. */
  #keep(entry: Entry): JsonObject {
    const metadata = { ...metadataOf(entry.object), resourceVersion: String(this.resourceVersion) };
    const object = frozen({ ...entry.object, metadata });
    this.#entries.set(keyOfObject(entry.kind, object), { ...entry, object });
    return object;
  }

  /** RFC 3339 in whole seconds, as metav1.Time. */
  #timestamp(secondsFromNow: number): string {
    return new Date(this.#now() + secondsFromNow * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function keyOf(kind: ServedKind, namespace: string, name: string): string {
  return `${qualified(kind)}/${namespace}/${name}`;
}

function keyOfObject(kind: ServedKind, object: JsonObject): string {
  const { namespace = '', name } = metadataOf(object);
  return keyOf(kind, String(namespace), String(name));
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

/** Whether somebody wants to do something before the object may go. */
function hasFinalizers(object: JsonObject): boolean {
  const { finalizers } = metadataOf(object);
  return Array.isArray(finalizers) && finalizers.length > 0;
}

function isOrphan(object: JsonObject, living: ReadonlySet<unknown>): boolean {
  const { ownerReferences, deletionTimestamp } = metadataOf(object);
  const owners: readonly unknown[] = Array.isArray(ownerReferences) ? ownerReferences : [];
  const isOwned = owners.some((owner) => isObject(owner) && living.has(owner.uid));
  return owners.length > 0 && !isOwned && deletionTimestamp === undefined;
}
