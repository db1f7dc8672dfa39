import { type KubernetesObject, keyOf } from '../client/client.ts';
import { compareResourceVersions } from './resource-version.ts';

/** What happened to one object. `before` is null for a new one, `after` for one that is gone. */
export interface StoreChange<T> {
  readonly before: T | null;
  readonly after: T | null;
}

/** Gives the keys under which an object is found by {@link Store.byIndex}. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** The objects of one kind as last heard of, by `namespace/name`, read-only for controllers. */
export interface ReadonlyStore<T extends KubernetesObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects for which the index function of that name gives the value. @throws RangeError for an unknown index */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

/** A store with indexes, written by a reflector. */
export class Store<T extends KubernetesObject> implements ReadonlyStore<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexFunctions: Readonly<Record<string, IndexFunction<T>>>;
  readonly #indexes = new Map<string, Map<string, Set<string>>>();

  constructor(indexFunctions: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#indexFunctions = indexFunctions;
    for (const name of Object.keys(indexFunctions)) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new RangeError(`no such index: ${index}`);
    return [...(values.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /**
   * Takes an object in. An older version than the one known changes nothing; another uid under the same name is two
   * changes, the end of the old object and the new one.
   */
  set(object: T): readonly StoreChange<T>[] {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key) ?? null;
    if (before !== null && before.metadata.uid !== object.metadata.uid) {
      this.#put(key, object);
      return [
        { before, after: null },
        { before: null, after: object },
      ];
    }
    if (before !== null && compareVersions(object, before) <= 0) return [];
    this.#put(key, object);
    return [{ before, after: object }];
  }

  /** Removes the object; a successor of the same name but another uid stays. */
  delete(object: KubernetesObject): readonly StoreChange<T>[] {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key);
    if (before === undefined || before.metadata.uid !== object.metadata.uid) return [];
    this.#unindex(key, before);
    this.#objects.delete(key);
    return [{ before, after: null }];
  }

  /** Makes the store hold exactly these objects, as after a list. */
  replace(objects: readonly T[]): readonly StoreChange<T>[] {
    const kept = new Set(objects.map((object) => keyOf(object.metadata)));
    const gone = [...this.#objects].filter(([key]) => !kept.has(key)).flatMap(([, object]) => this.delete(object));
    return [...gone, ...objects.flatMap((object) => this.set(object))];
  }

  #put(key: string, object: T): void {
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unindex(key, before);
    this.#objects.set(key, object);
    this.#eachIndexValue(object, (values, value) => {
      const keys = values.get(value) ?? new Set();
      values.set(value, keys.add(key));
    });
  }

  #unindex(key: string, object: T): void {
    this.#eachIndexValue(object, (values, value) => {
      const keys = values.get(value);
      keys?.delete(key);
      if (keys?.size === 0) values.delete(value);
    });
  }

  #eachIndexValue(object: T, visit: (values: Map<string, Set<string>>, value: string) => void): void {
    for (const [name, values] of this.#indexes) {
      for (const value of this.#indexFunctions[name]?.(object) ?? []) visit(values, value);
    }
  }
}

function compareVersions(left: KubernetesObject, right: KubernetesObject): number {
  return compareResourceVersions(left.metadata.resourceVersion ?? '0', right.metadata.resourceVersion ?? '0');
}
