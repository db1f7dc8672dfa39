import { randomUUID } from 'node:crypto';
import { sameJson } from '../apply/json.ts';
import { conflict, invalid, notFound, StatusAnswer, unknownFields } from './answer.ts';
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
  /** Fields that the kind does not have are refused instead of dropped (fieldValidation=Strict). */
  readonly strict?: boolean;
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
  readonly #entries = new Map<string, Map<string, Entry>>();
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

  /** Milliseconds since the epoch, by the store's clock. */
  nowMs(): number {
    return this.#now();
  }

  /** The kind as the store keeps it; null for one that it does not. */
  kindOf({ group, version, plural }: Pick<ServedKind, 'group' | 'version' | 'plural'>): ServedKind | null {
    const isIt = (kind: ServedKind) => kind.plural === plural && kind.group === group && kind.version === version;
    return this.kinds.find(isIt) ?? null;
  }

  /** @throws StatusAnswer 404 */
  get(kind: ServedKind, namespace: string, name: string): JsonObject {
    return this.#entry(kind, namespace, name).object;
  }

  /** All objects of a kind, in the order of namespace and name as in etcd. */
  list(kind: ServedKind): JsonObject[] {
    const entries = [...(this.#entries.get(qualified(kind)) ?? [])];
    return entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, { object }]) => object);
  }

  /** Objects of all kinds, in no order. */
  *all(): Iterable<{ readonly kind: ServedKind; readonly object: JsonObject }> {
    for (const entries of this.#entries.values()) yield* entries.values();
  }

  /** @throws StatusAnswer 409 AlreadyExists, 422 Invalid, 400 for unknown fields of a strict write */
  create(type: ServedKind, body: JsonObject, fieldManager: string, options: WriteOptions = {}): JsonObject {
    const kind = this.kindOf(type) ?? type;
    const metadata = structuredClone(metadataOf(body));
    if (metadata.name === undefined && typeof metadata.generateName === 'string') {
      metadata.name = metadata.generateName + randomUUID().slice(0, 5);
    }
    const { name, namespace = '' } = metadata;
    if (typeof name !== 'string' || name === '') {
      throw invalid(kind, body, [{ path: 'metadata.name', message: 'Required value' }]);
    }
    if (this.#find(kind, String(namespace), name) !== undefined) {
      throw new StatusAnswer(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`);
    }
    refuseUnknownFields(kind, body, options);
    const object: JsonObject = { ...structuredClone(body), metadata };
    if (kind.hasStatus) delete object.status;
    const owners = new Map([[`${fieldManager}/object`, ownedFields(object)]]);
    Object.assign(metadata, { uid: randomUUID(), generation: 1, creationTimestamp: this.#timestamp(0) });
    const entry = { object: admitted(kind, object, null), kind, owners };
    return options.dryRun ? entry.object : this.#record('ADDED', entry);
  }

  /**
   * Server-side apply by force; makes the object if there is none.
   * @throws StatusAnswer 404 for the status of none, 409 for another version or uid, 422 Invalid, 400 as `create`
   */
  apply(type: ServedKind, part: Part, body: JsonObject, fieldManager: string, options: WriteOptions = {}): JsonObject {
    const { namespace = '', name, uid } = metadataOf(body);
    const entry = this.#find(type, String(namespace), String(name));
    if (entry === undefined) {
      if (part === 'status') throw notFound(type, String(name));
      if (uid !== undefined) throw conflict(type, String(name), `uid mismatch: no object has the uid ${uid}`);
      return this.create(type, body, fieldManager, options);
    }
    const { kind } = entry;
    requireSame(entry, body);
    refuseUnknownFields(kind, body, options);
    const { status, ...rest } = body;
    const wanted = part === 'status' ? { status: status ?? {} } : kind.hasStatus ? rest : body;
    const next = applied(entry, `${fieldManager}/${part}`, wanted);
    return this.#write(entry, next.object, next.owners, part, options);
  }

  /**
   * Changes an object as somebody else would, e.g. a scheduler or a person; `change` works on a copy.
   * @throws StatusAnswer 404, 409 if `change` sets another resourceVersion or uid, 422 Invalid
   */
  update(kind: ServedKind, namespace: string, name: string, change: (object: JsonObject) => void): JsonObject {
    const copy = structuredClone(this.get(kind, namespace, name));
    change(copy);
    return this.replace(kind, namespace, name, () => copy);
  }

  /**
   * Puts another object in the place of the one that is stored, whole and without an owner of its fields.
   * @throws StatusAnswer 404, 409 if the new one names another resourceVersion or uid, 422 Invalid
   */
  replace(
    kind: ServedKind,
    namespace: string,
    name: string,
    next: (stored: JsonObject) => JsonObject,
    options: WriteOptions = {},
  ): JsonObject {
    const entry = this.#entry(kind, namespace, name);
    const wanted = next(entry.object);
    requireSame(entry, wanted);
    refuseUnknownFields(entry.kind, wanted, options);
    const ofServer = Object.entries(metadataOf(entry.object)).filter(([field]) => SERVER_FIELDS.includes(field));
    const changed = { ...wanted, metadata: { ...metadataOf(wanted), ...Object.fromEntries(ofServer) } };
    return this.#write(entry, changed, entry.owners, 'object', options);
  }

  /**
   * Deletes an object, at once or when its time of grace is over and its finalizers are gone; until then it has a
   * deletionTimestamp.
   * @param graceSeconds instead of the kind's own; 0: now
   * @throws StatusAnswer 404, 409 for another uid
   */
  delete(
    kind: ServedKind,
    namespace: string,
    name: string,
    uid: string | undefined,
    graceSeconds?: number,
  ): JsonObject {
    const entry = this.#entry(kind, namespace, name);
    const metadata = metadataOf(entry.object);
    if (uid !== undefined && uid !== metadata.uid) {
      throw conflict(kind, name, `the UID in the precondition (${uid}) does not match the UID in record`);
    }
    const wanted = entry.kind.graceSeconds === undefined ? 0 : (graceSeconds ?? entry.kind.graceSeconds(entry.object));
    if (wanted === 0 && !hasFinalizers(entry.object)) return this.#record('DELETED', entry);
    // A time of grace that runs can only be made shorter.
    const running = metadata.deletionTimestamp === undefined ? undefined : metadata.deletionGracePeriodSeconds;
    if (running !== undefined && Number(running) <= wanted) return entry.object;
    const next = structuredClone(entry.object);
    Object.assign(metadataOf(next), {
      deletionTimestamp: this.#timestamp(wanted),
      deletionGracePeriodSeconds: wanted,
      ...(running === undefined ? { generation: Number(metadata.generation) + 1 } : {}),
    });
    return this.#write(entry, next, entry.owners, 'status', {});
  }

  /**
   * Deletes what has only owners that are gone, until there is no more: the work of the garbage collector.
   * @returns how many objects are gone thereby
   */
  collectGarbage(): number {
    let gone = 0;
    for (;;) {
      const all = [...this.all()];
      const living = new Set(all.map(({ object }) => metadataOf(object).uid));
      const ended = all
        .filter(({ object }) => isOrphan(object, living))
        .filter(({ kind, object }) => {
          const { namespace = '', name } = metadataOf(object);
          const left = this.delete(kind, String(namespace), String(name), undefined);
          return metadataOf(left).deletionTimestamp === undefined;
        });
      if (ended.length === 0) return gone;
      gone += ended.length;
    }
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
    for (const { kind, object, owners } of [...this.#entries.values()].flatMap((entries) => [...entries.values()])) {
      const metadata = { ...metadataOf(object), resourceVersion: String(this.resourceVersion) };
      this.#keep({ kind, owners, object: frozen({ ...object, metadata }) });
    }
  }

  /** Hears of every change, in order, while it is being made. @returns ends it */
  onEvent(listener: (event: StoredEvent) => void): () => void {
    return this.#history.onEvent(listener);
  }

  #find(kind: ServedKind, namespace: string, name: string): Entry | undefined {
    return this.#entries.get(qualified(kind))?.get(`${namespace}/${name}`);
  }

  #entry(kind: ServedKind, namespace: string, name: string): Entry {
    const entry = this.#find(kind, namespace, name);
    if (entry === undefined) throw notFound(kind, name);
    return entry;
  }

  #write(entry: Entry, wanted: JsonObject, owners: Owners, part: Part, { dryRun }: WriteOptions): JsonObject {
    const { kind } = entry;
    const next = admitted(kind, wanted, entry.object);
    if (sameJson(next, entry.object)) {
      if (!dryRun) this.#keep({ ...entry, owners });
      return entry.object;
    }
    const { status: _old, metadata: oldMetadata, ...oldSpec } = entry.object;
    const { status: _new, metadata, ...spec } = next;
    if (part === 'object' && !sameJson(oldSpec, spec)) {
      next.metadata = { ...metadataOf(next), generation: Number((oldMetadata as JsonObject).generation) + 1 };
    }
    if (dryRun) return next;
    const changed = { kind, object: next, owners };
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata as JsonObject;
    const isOver = deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && !hasFinalizers(next);
    return this.#record(isOver ? 'DELETED' : 'MODIFIED', changed);
  }

  #record(type: StoredEvent['type'], { kind, object, owners }: Entry): JsonObject {
    this.#history.version += 1;
    const resourceVersion = this.#history.version;
    // Without the fields themselves, which nobody here reads.
    const managedFields = [...owners.keys()].map((owner) => ({ manager: owner.split('/')[0], operation: 'Apply' }));
    const metadata = { ...metadataOf(object), resourceVersion: String(resourceVersion), managedFields };
    const stored = frozen({ ...object, metadata });
    const { namespace = '', name } = metadataOf(object);
    const before = this.#find(kind, String(namespace), String(name))?.object ?? null;
    if (type === 'DELETED') this.#entries.get(qualified(kind))?.delete(`${namespace}/${name}`);
    else this.#keep({ kind, object: stored, owners });
    this.#history.record({ type, resourceVersion, kind, before, object: stored });
    return stored;
  }

  #keep(entry: Entry): void {
    const { namespace = '', name } = metadataOf(entry.object);
    const key = qualified(entry.kind);
    const entries = this.#entries.get(key) ?? new Map<string, Entry>();
    this.#entries.set(key, entries.set(`${namespace}/${name}`, entry));
  }

  /** RFC 3339 in whole seconds, as metav1.Time. */
  #timestamp(secondsFromNow: number): string {
    return new Date(this.#now() + secondsFromNow * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

/** With defaults first, as the real one does. @throws StatusAnswer 422 */
function admitted(kind: ServedKind, object: JsonObject, before: JsonObject | null): JsonObject {
  const complete = kind.complete?.(object) ?? object;
  const faults = kind.refuse?.(complete, before) ?? [];
  if (faults.length > 0) throw invalid(kind, complete, faults);
  return complete;
}

/** In a strict write a field that the kind does not have is an error. @throws StatusAnswer 400 */
function refuseUnknownFields(kind: ServedKind, body: JsonObject, { strict = false }: WriteOptions): void {
  const faults = strict ? (kind.unknownFields?.(body) ?? []) : [];
  if (faults.length > 0) throw unknownFields(kind, body, faults);
}

/** A body that names a version or uid is meant for that one only. @throws StatusAnswer 409 */
function requireSame({ kind, object }: Entry, body: JsonObject): void {
  const { resourceVersion, uid, name } = metadataOf(body);
  const is = metadataOf(object);
  if (resourceVersion !== undefined && resourceVersion !== is.resourceVersion) {
    throw conflict(kind, String(name), 'the object has been modified');
  }
  if (uid !== undefined && uid !== is.uid) throw conflict(kind, String(name), `its uid is ${is.uid}, not ${uid}`);
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
