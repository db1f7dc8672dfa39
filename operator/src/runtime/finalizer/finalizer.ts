import type { ApplyConfiguration, Client, KubernetesObject, ResourceType } from '../client/client.ts';

/** An object with the names of those who must agree to its end. */
export type WithFinalizers = KubernetesObject & {
  readonly metadata: { readonly finalizers?: readonly string[] | undefined };
};

/**
 * A finalizer keeps an object until what it stands for outside of the cluster is undone: an account, a DNS record, a
 * bucket. For what lies in the cluster use owner references instead, which need nobody to be there: an object with a
 * finalizer whose controller is gone never ends.
 */
export interface Finalizer<T extends WithFinalizers> {
  /**
   * Call it first in each reconcile. Sets the finalizer on a living object, and undoes and removes it on one that is
   * being deleted.
   * @returns whether to go on: false for an object that is on its way out
   * @throws ApiError; whatever `undo` throws, and then the object stays
   */
  settle(object: T): Promise<boolean>;
}

/** What a finalizer is made of. */
export interface FinalizerOptions<T extends WithFinalizers> {
  readonly client: Pick<Client, 'apply'>;
  readonly type: ResourceType<T>;
  /** `<domain>/<name>`; it is its own field manager, so that nobody else's fields are touched. */
  readonly name: string;
  /** Undoes what lies outside. May be called again, also where there is nothing to undo. */
  readonly undo: (object: T) => Promise<void>;
}

/** Makes a finalizer; nothing is written before {@link Finalizer.settle}. */
export function createFinalizer<T extends WithFinalizers>(options: FinalizerOptions<T>): Finalizer<T> {
  const { client, type, name, undo } = options;
  const write = (object: T, finalizers: readonly string[]) =>
    client.apply(type, finalizersOf(type, object, finalizers), name);
  return {
    async settle(object) {
      const isSet = object.metadata.finalizers?.includes(name) ?? false;
      if (object.metadata.deletionTimestamp === undefined) {
        if (!isSet) await write(object, [name]);
        return true;
      }
      if (isSet) {
        await undo(object);
        await write(object, []);
      }
      return false;
    },
  };
}

/** With the uid, so that an object that has gone meanwhile is not made anew by it. */
function finalizersOf<T extends WithFinalizers>(
  type: ResourceType<T>,
  { metadata: { name, namespace, uid } }: T,
  finalizers: readonly string[],
): ApplyConfiguration {
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  const metadata = { name, namespace, uid, ...(finalizers.length === 0 ? {} : { finalizers }) };
  return { apiVersion, kind: type.kind, metadata };
}
