import { randomUUID } from 'node:crypto';
import { sameJson as same } from '../apply/json.ts';
import { expired, StatusAnswer } from './answer.ts';
import { type FieldPath, fieldAt, fieldsOf, isObject, type JsonObject, merge, removeField } from './fields.ts';

/** A kind that the server serves. */
export interface ServedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether it has a status subresource: writes to the object leave the status alone, and the other way round. */
  readonly hasStatus?: boolean;
  /** Refuses an object as the schema of a CRD would; the text becomes the message of a 422. */
  readonly refuse?: (object: JsonObject) => string | null;
}

/** Part of an object that a request writes. */
export type Part = 'object' | 'status';

/** One change that watches see. */
export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resourceVersion: number;
  readonly plural: string;
  readonly object: JsonObject;
}

interface Entry {
  object: JsonObject;
  readonly kind: ServedKind;
  /** Fields by owner: `<field manager>/<part>`. */
  readonly owners: Map<string, Set<FieldPath>>;
}

/** Set by the server, so no field manager owns them. */
const IDENTITY = [
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.resourceVersion',
];
const IDENTITY_PATHS = new Set(IDENTITY.map((path) => JSON.stringify(path.split('.'))));

/**
 * The objects of a fake API server with their history: resource versions, generations, field ownership, finalizers.
 * Like the real one, a write that changes nothing makes no new version.
 */
export class ObjectStore {
  readonly #entries = new Map<string, Entry>();
  readonly #events: StoredEvent[] = [];
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  readonly #now: () => number;
  #version = 1000;
  #oldest = 1000;

  constructor(now: () => number) {
    this.#now = now;
  }

  get resourceVersion(): number {
    return this.#version;
  }

  get(kind: ServedKind, namespace: string, name: string): JsonObject {
    return this.#entry(kind, namespace, name).object;
  }

  /** All objects of a kind, in the order of namespace and name as in etcd. */
  list(kind: ServedKind): JsonObject[] {
    const entries = [...this.#entries].filter(([, entry]) => entry.kind === kind);
    return entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, entry]) => entry.object);
  }

  create(kind: ServedKind, body: JsonObject, fieldManager: string): JsonObject {
    const metadata = isObject(body.metadata) ? { ...body.metadata } : {};
    if (metadata.name === undefined && typeof metadata.generateName === 'string') {
      metadata.name = metadata.generateName + randomUUID().slice(0, 5);
    }
    const { name, namespace = '' } = metadata;
    if (typeof name !== 'string' || name === '') {
      throw new StatusAnswer(422, 'Invalid', `${kind.kind} "" is invalid: metadata.name: Required value`);
    }
    const key = keyOf(kind, String(namespace), name);
    if (this.#entries.has(key)) {
      throw new StatusAnswer(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`);
    }
    const object: JsonObject = { ...structuredClone(body), metadata };
    if (kind.hasStatus) delete object.status;
    const owned = fieldsOf(object).filter((path) => !IDENTITY_PATHS.has(path));
    Object.assign(metadata, {
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    });
    const entry: Entry = { object, kind, owners: new Map([[`${fieldManager}/object`, new Set(owned)]]) };
    this.#admit(kind, object);
    this.#entries.set(key, entry);
    this.#record('ADDED', entry);
    return entry.object;
  }

  /**
   * Server-side apply: sets the fields of `body`, removes those that this field manager set before and no longer does,
   * unless somebody else owns them too. @throws StatusAnswer 409 for a field of another manager without `force`
   */
  apply(kind: ServedKind, part: Part, body: JsonObject, fieldManager: string, force: boolean): JsonObject {
    const metadata = isObject(body.metadata) ? body.metadata : {};
    const key = keyOf(kind, String(metadata.namespace ?? ''), String(metadata.name));
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      if (part === 'status') throw notFound(kind, String(metadata.name));
      return this.create(kind, body, fieldManager);
    }
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== versionOf(entry.object)) {
      throw conflict(kind, String(metadata.name), 'the object has been modified');
    }
    const wanted: JsonObject = part === 'status' ? { status: body.status ?? {} } : { ...body };
    if (part === 'object' && kind.hasStatus) delete wanted.status;
    const owner = `${fieldManager}/${part}`;
    const fields = new Set(fieldsOf(wanted).filter((path) => !IDENTITY_PATHS.has(path)));
    if (!force) refuseConflicts(entry, owner, wanted, fields);
    const next = merge(entry.object, wanted) as JsonObject;
    const others = [...entry.owners].filter(([name]) => name !== owner);
    for (const path of entry.owners.get(owner) ?? []) {
      const kept = fields.has(path) || others.some(([, paths]) => paths.has(path));
      const isParent = [...fields].some((field) => field.startsWith(`${path.slice(0, -1)},`));
      if (!kept && !isParent) removeField(next, path);
    }
    this.#admit(kind, next);
    entry.owners.set(owner, fields);
    for (const [name, paths] of others) {
      for (const path of fields) {
        if (!same(fieldAt(entry.object, path), fieldAt(next, path))) paths.delete(path);
      }
      if (paths.size === 0) entry.owners.delete(name);
    }
    return this.#write(entry, next, part);
  }

  /** Changes an object as somebody else would, e.g. a scheduler or a person; `change` works on a copy. */
  update(kind: ServedKind, namespace: string, name: string, change: (object: JsonObject) => void): JsonObject {
    const entry = this.#entry(kind, namespace, name);
    const next = structuredClone(entry.object);
    change(next);
    return this.#write(entry, next, 'object');
  }

  /** Deletes, or sets deletionTimestamp while finalizers are left. */
  delete(kind: ServedKind, namespace: string, name: string, uid: string | undefined): JsonObject {
    const entry = this.#entry(kind, namespace, name);
    const metadata = entry.object.metadata as JsonObject;
    if (uid !== undefined && uid !== metadata.uid) {
      throw conflict(kind, name, `the UID in the precondition (${uid}) does not match the UID in record`);
    }
    if (metadata.deletionTimestamp !== undefined && hasFinalizers(entry.object)) return entry.object;
    if (hasFinalizers(entry.object)) {
      const next = structuredClone(entry.object);
      (next.metadata as JsonObject).deletionTimestamp = new Date(this.#now()).toISOString();
      return this.#write(entry, next, 'object');
    }
    this.#entries.delete(keyOf(kind, namespace, name));
    this.#record('DELETED', entry);
    return entry.object;
  }

  /** Deletes what has only owners that are gone, until there is no more: the work of the garbage collector. */
  collectGarbage(): number {
    const living = new Set([...this.#entries.values()].map(({ object }) => (object.metadata as JsonObject).uid));
    const orphans = [...this.#entries.values()].filter(({ object }) => {
      const references = (object.metadata as JsonObject).ownerReferences;
      return Array.isArray(references) && references.length > 0 && !references.some(({ uid }) => living.has(uid));
    });
    for (const { kind, object } of orphans) {
      const { namespace, name } = object.metadata as JsonObject;
      this.delete(kind, String(namespace ?? ''), String(name), undefined);
    }
    const collected = orphans.filter(({ object }) => !hasFinalizers(object)).length;
    return collected === 0 ? 0 : collected + this.collectGarbage();
  }

  /** Events after a version, none for one of the future. @throws StatusAnswer 410 for one that is compacted */
  eventsSince(asked: string): readonly StoredEvent[] {
    const version = Number(asked);
    if (version < this.#oldest) throw expired(asked, this.#oldest);
    return this.#events.filter((event) => event.resourceVersion > version);
  }

  /** Forgets the history, so that a watch from any version before now is Expired. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#events.length = 0;
  }

  /** Goes back to smaller versions with the same objects, as etcd restored from a backup. */
  rewind(versions: number): void {
    this.#version -= versions;
    this.#oldest = this.#version;
    this.#events.length = 0;
    for (const { object } of this.#entries.values()) {
      (object.metadata as JsonObject).resourceVersion = String(this.#version);
    }
  }

  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #entry(kind: ServedKind, namespace: string, name: string): Entry {
    const entry = this.#entries.get(keyOf(kind, namespace, name));
    if (entry === undefined) throw notFound(kind, name);
    return entry;
  }

  #write(entry: Entry, next: JsonObject, part: Part): JsonObject {
    if (same(next, entry.object)) return entry.object;
    const { status: _old, metadata: oldMetadata, ...oldSpec } = entry.object;
    const { status: _new, metadata, ...spec } = next;
    if (part === 'object' && !same(oldSpec, spec)) {
      (metadata as JsonObject).generation = Number((oldMetadata as JsonObject).generation) + 1;
    }
    entry.object = next;
    if ((metadata as JsonObject).deletionTimestamp !== undefined && !hasFinalizers(next)) {
      const { namespace, name } = metadata as JsonObject;
      this.#entries.delete(keyOf(entry.kind, String(namespace ?? ''), String(name)));
      this.#record('DELETED', entry);
    } else {
      this.#record('MODIFIED', entry);
    }
    return entry.object;
  }

  /** Each version is an object of its own, so that watches and lists of the past do not change afterwards. */
  #record(type: StoredEvent['type'], entry: Entry): void {
    this.#version += 1;
    const managedFields = [...entry.owners.keys()].map((owner) => {
      const [manager, part] = owner.split(/\/(?=[^/]*$)/);
      return { manager, operation: 'Apply', ...(part === 'status' ? { subresource: 'status' } : {}) };
    });
    const metadata = {
      ...(entry.object.metadata as JsonObject),
      resourceVersion: String(this.#version),
      managedFields,
    };
    entry.object = { ...entry.object, metadata };
    const event = { type, resourceVersion: this.#version, plural: entry.kind.plural, object: entry.object };
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  #admit(kind: ServedKind, object: JsonObject): void {
    const fault = kind.refuse?.(object) ?? null;
    const name = String((object.metadata as JsonObject).name);
    if (fault !== null) throw new StatusAnswer(422, 'Invalid', `${kind.kind} "${name}" is invalid: ${fault}`);
  }
}

function refuseConflicts(entry: Entry, owner: string, wanted: JsonObject, fields: ReadonlySet<FieldPath>): void {
  for (const [other, paths] of entry.owners) {
    const clash = [...fields].find(
      (path) => other !== owner && paths.has(path) && !same(fieldAt(wanted, path), fieldAt(entry.object, path)),
    );
    if (clash !== undefined) {
      const path = (JSON.parse(clash) as string[]).join('.');
      throw new StatusAnswer(409, 'Conflict', `Apply failed with 1 conflict: conflict with "${other}": .${path}`);
    }
  }
}

function hasFinalizers(object: JsonObject): boolean {
  const { finalizers } = object.metadata as JsonObject;
  return Array.isArray(finalizers) && finalizers.length > 0;
}

function versionOf(object: JsonObject): unknown {
  return (object.metadata as JsonObject).resourceVersion;
}

function keyOf(kind: ServedKind, namespace: string, name: string): string {
  return `${qualified(kind)}/${namespace}/${name}`;
}

function qualified(kind: ServedKind): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

function notFound(kind: ServedKind, name: string): StatusAnswer {
  return new StatusAnswer(404, 'NotFound', `${qualified(kind)} "${name}" not found`);
}

function conflict(kind: ServedKind, name: string, why: string): StatusAnswer {
  return new StatusAnswer(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`);
}
