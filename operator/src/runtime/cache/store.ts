import { type KubernetesObject, keyOf, type ObjectName } from '../client/client.ts';
import { compareResourceVersions } from './resource-version.ts';

/** What happened to one object. `before` is null for a new one, `after` for one that is gone. */
export interface StoreChange<T> {
  readonly before: T | null;
  readonly after: T | null;
}

/** The same as a reflector tells it. */
export interface ToldChange<T> extends StoreChange<T> {
  /**
   * It was there when this program, or this listener, began: nothing is known to have changed. Such objects can wait
   * behind those that have.
   */
  readonly initial: boolean;
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
   * Takes an object in. A version that is not newer than the one known changes nothing; another uid under the same name
   * is two changes, the end of the old object and the new one.
   * @throws RangeError for a resource version that is no number
   */
  set(object: T): readonly StoreChange<T>[] {
    const before = this.#objects.get(keyOf(object.metadata));
    if (before !== undefined && compareVersions(object, before) <= 0) return [];
    return this.#exchange(object);
  }

  /** Removes the object of that name; a successor of another uid stays. */
  delete(name: ObjectName & { readonly uid: string }): readonly StoreChange<T>[] {
    const before = this.#objects.get(keyOf(name));
    return before === undefined || before.metadata.uid !== name.uid ? [] : this.#remove(keyOf(name), before);
  }

  /**
   * Makes the store hold exactly these objects, as after a list, even where their versions are older than those known
   * (a server that was restored). Objects that are the same as before are no change.
   * @param unreadable keys of objects that exist but could not be read: what is known of them stays
   */
  replace(objects: readonly T[], unreadable: ReadonlySet<string> = new Set()): readonly StoreChange<T>[] {
    const exists = new Set([...unreadable, ...objects.map((object) => keyOf(object.metadata))]);
    const gone = [...this.#objects].filter(([key]) => !exists.has(key));
    return [
      ...gone.flatMap(([key, object]) => this.#remove(key, object)),
      ...objects.flatMap((object) => (this.#knows(object) ? [] : this.#exchange(object))),
    ];
  }

  #knows({ metadata }: T): boolean {
    const known = this.#objects.get(keyOf(metadata))?.metadata;
    return known?.uid === metadata.uid && known?.resourceVersion === metadata.resourceVersion;
  }

  #exchange(object: T): readonly StoreChange<T>[] {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key) ?? null;
    this.#put(key, object);
    if (before === null || before.metadata.uid === object.metadata.uid) return [{ before, after: object }];
    return [
      { before, after: null },
      { before: null, after: object },
    ];
  }

  #remove(key: string, before: T): readonly StoreChange<T>[] {
    this.#unindex(key, before);
    this.#objects.delete(key);
    return [{ before, after: null }];
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
