import { randomUUID } from 'node:crypto';
import { sameJson, sameJsonBut } from '../apply/json.ts';
import { type ApiError, refusal } from '../client/api-error.ts';
import type { ObjectName } from '../client/client.ts';
import { frozen, isObject, type JsonObject, less, merged, metadataOf } from './fields.ts';
import { History, type StoredEvent } from './history.ts';
import { apiVersionOf, qualified, type ServedKind } from './served-kind.ts';
import { checked, invalid, METADATA } from './validation.ts';

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
  readonly object: JsonObject;
  /** What each manager has applied, by `<field manager>/<part>`, less what others have changed since. */
  readonly applied: ReadonlyMap<string, JsonObject>;
}

/** What only the server writes in metadata. */
const OF_SERVER: ReadonlySet<string> = new Set([
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp'],
  ...['deletionTimestamp', 'deletionGracePeriodSeconds'],
]);
/** Parts of an object whose changes are no new generation. */
const NO_SPEC: ReadonlySet<string> = new Set(['metadata', 'status']);
const isOther = (value: unknown, now: unknown) => !sameJson(value, now);

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

  /** @throws ApiError `NotFound` */
  get(kind: ServedKind, namespace: string, name: string): JsonObject {
    return this.#entry(kind, namespace, name).object;
  }

  /** All objects of a kind, in the order of namespace and name as in etcd. */
  list(kind: ServedKind): JsonObject[] {
    const prefix = keyOf(kind, '', '').slice(0, -1);
    const entries = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    return entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, { object }]) => object);
  }

  /** @throws ApiError `AlreadyExists`, `Invalid`, `MethodNotAllowed` without a namespace */
  create(type: ServedKind, body: JsonObject, fieldManager: string, { dryRun }: WriteOptions = {}): JsonObject {
    const kind = this.kindOf(type) ?? type;
    const wanted = partOf(kind, 'object', body);
    const { name, namespace = '' } = metadataOf(wanted);
    if (kind.namespaced && namespace === '') throw refusal(405, 'MethodNotAllowed', 'the namespace is missing');
    if (this.find(kind, String(namespace), String(name)) !== undefined) {
      throw refusal(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`);
    }
    const server = { uid: randomUUID(), generation: 1, creationTimestamp: this.#timestamp(0) };
    const object = { ...wanted, metadata: { ...metadataOf(wanted), ...server } };
    return this.#write({ kind, object, applied: new Map([[`${fieldManager}/object`, wanted]]) }, null, dryRun);
  }

  /**
   * Server-side apply by force (KEP-555); makes the object if there is none. What this manager has applied before and
   * does not now goes, unless another one applies it, too; who had applied another value has lost that field.
   * @throws ApiError `NotFound` for the status of none, `Conflict` for another version or uid, `Invalid`
   */
  apply(type: ServedKind, part: Part, body: JsonObject, fieldManager: string, options: WriteOptions = {}): JsonObject {
    const { namespace = '', name, uid } = metadataOf(body);
    if (this.find(type, String(namespace), String(name)) === undefined && part === 'object') {
      if (uid !== undefined) throw conflict(type, name, `no object has the uid ${uid}`);
      return this.create(type, body, fieldManager, options);
    }
    const entry = this.#entry(type, String(namespace), String(name));
    requireSame(entry, body);
    const wanted = partOf(entry.kind, part, body);
    const own = `${fieldManager}/${part}`;
    const others = [...entry.applied].filter(([manager]) => manager !== own);
    const dropped = less(entry.applied.get(own) ?? {}, wanted);
    const gone = others.reduce((fields, [, theirs]) => less(fields, theirs), dropped);
    const applied = new Map(others.map(([manager, theirs]) => [manager, less(theirs, wanted, isOther)]));
    const object = merged(less(entry.object, gone), wanted) as JsonObject;
    return this.#write({ ...entry, object, applied: applied.set(own, wanted) }, entry, options.dryRun);
  }

  /** Applies `spec.replicas` alone, as the scale subresource does. @throws ApiError `NotFound`, `Invalid` */
  applyScale(type: ServedKind, { namespace, name }: ObjectName, replicas: unknown, fieldManager: string): void {
    const { kind, object } = this.#entry(type, namespace, name);
    if (!Number.isInteger(replicas) || Number(replicas) < 0) {
      throw invalid(kind, object, [{ path: 'spec.replicas', message: 'must be a whole number that is not negative' }]);
    }
    const identity = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name } };
    this.apply(kind, 'object', { ...identity, spec: { replicas } }, fieldManager);
  }

  /**
   * Changes an object as somebody else would, e.g. a scheduler or a person, whole and without an owner of its fields.
   * @param change works on a copy; an object that it gives is taken instead
   * @throws ApiError `NotFound`, `Conflict` if the new one names another resourceVersion or uid, `Invalid`
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
    const body = received(entry.kind, isObject(given) ? given : copy);
    requireSame(entry, body);
    const wanted = withoutServer(body);
    const server = Object.entries(metadataOf(entry.object)).filter(([field]) => OF_SERVER.has(field));
    const object = { ...wanted, metadata: { ...metadataOf(wanted), ...Object.fromEntries(server) } };
    const touched = less(entry.object, object, sameJson);
    const applied = new Map([...entry.applied].map(([manager, fields]) => [manager, less(fields, touched)]));
    return this.#write({ ...entry, object, applied }, entry, options.dryRun);
  }

  /**
   * Deletes an object, at once or when its time of grace is over and its finalizers are gone; until then it has a
   * deletionTimestamp. A time of grace that runs can only be made shorter.
   * @param options.graceSeconds instead of the kind's own; 0: now
   * @throws ApiError `NotFound`, `Conflict` for another uid
   */
  delete(
    type: ServedKind,
    namespace: string,
    name: string,
    options: { readonly uid?: string | undefined; readonly graceSeconds?: number | undefined } = {},
  ): JsonObject {
    const entry = this.#entry(type, namespace, name);
    const { kind, object } = entry;
    const { metadata } = object as { metadata: JsonObject };
    if (options.uid !== undefined && options.uid !== metadata.uid)
      throw conflict(kind, name, `its uid is ${metadata.uid}`);
    const seconds = kind.graceSeconds === undefined ? 0 : (options.graceSeconds ?? kind.graceSeconds(object));
    const isFirst = metadata.deletionTimestamp === undefined;
    if (!isFirst && Number(metadata.deletionGracePeriodSeconds) <= seconds) return object;
    const deletion = { deletionTimestamp: this.#timestamp(seconds), deletionGracePeriodSeconds: seconds };
    const generation = Number(metadata.generation) + (isFirst ? 1 : 0);
    return this.#write({ ...entry, object: { ...object, metadata: { ...metadata, ...deletion, generation } } }, entry);
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
    const living = new Set([...this.#entries.values()].map(({ object }) => metadataOf(object).uid));
    const gone = this.deleteAll((object) => {
      const owners = (metadataOf(object).ownerReferences ?? []) as readonly JsonObject[];
      return owners.length > 0 && !owners.some(({ uid }) => living.has(uid));
    });
    return gone === 0 ? 0 : gone + this.collectGarbage();
  }

  /** Events after a version, none for one of the future. @throws ApiError `Expired` for one that is forgotten */
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
    throw refusal(404, 'NotFound', `${qualified(kind)} "${name}" not found`);
  }

  #write({ kind, applied, object: wanted }: Entry, before: Entry | null, dryRun = false): JsonObject {
    const { faults } = checked(METADATA, 'metadata', wanted.metadata);
    if (faults.length > 0) throw invalid(kind, wanted, faults);
    const admitted = kind.admit?.(wanted, before?.object ?? null) ?? wanted;
    const metadata = metadataOf(admitted);
    const key = keyOf(kind, String(metadata.namespace ?? ''), String(metadata.name));
    if (before !== null && sameJson(admitted, before.object)) {
      if (!dryRun) this.#entries.set(key, { ...before, applied });
      return before.object;
    }
    const isNewSpec = before !== null && !sameJsonBut(admitted, before.object, NO_SPEC);
    const generation = Number(metadata.generation) + (isNewSpec ? 1 : 0);
    const own = { generation, resourceVersion: String(this.resourceVersion + 1) };
    const object = frozen({ ...admitted, metadata: { ...metadata, ...own } });
    if (dryRun) return object;
    const { finalizers = [], deletionGracePeriodSeconds } = metadata;
    const isOver = deletionGracePeriodSeconds === 0 && (finalizers as readonly unknown[]).length === 0;
    if (isOver) this.#entries.delete(key);
    else this.#entries.set(key, { kind, applied, object });
    const type = before === null ? 'ADDED' : isOver ? 'DELETED' : 'MODIFIED';
    this.#history.record({ type, kind, before: before?.object ?? null, object });
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

function conflict(kind: ServedKind, name: unknown, why: string): ApiError {
  return refusal(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`);
}

/** A body is meant for the version and uid that it names, and cannot name another object. @throws ApiError */
function requireSame({ kind, object }: Entry, body: JsonObject): void {
  const [asked, is] = [metadataOf(body), metadataOf(object)];
  const isAnother = (field: string) => (asked[field] ?? is[field]) !== is[field];
  if (isAnother('resourceVersion')) throw conflict(kind, is.name, 'the object has been modified');
  if (isAnother('uid')) throw conflict(kind, is.name, `its uid is ${is.uid}, not ${asked.uid}`);
  for (const field of ['name', 'namespace'].filter(isAnother)) {
    throw invalid(kind, object, [{ path: `metadata.${field}`, message: 'cannot be changed: make another object' }]);
  }
}
