import { isObject, type JsonObject, metadataOf } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import type { ServedKind } from './served-kind.ts';

/** Deletes what has only owners that are gone, until there is no more. @returns how many objects are gone thereby */
export function collectGarbage(store: ObjectStore): number {
  let gone = 0;
  for (;;) {
    const living = new Set([...store.all()].map(({ object }) => metadataOf(object).uid));
    const ended = [...store.all()].filter(({ object }) => isOrphan(object, living)).filter((each) => end(store, each));
    if (ended.length === 0) return gone;
    gone += ended.length;
  }
}

function isOrphan(object: JsonObject, living: ReadonlySet<unknown>): boolean {
  const { ownerReferences, deletionTimestamp } = metadataOf(object);
  const owners: readonly unknown[] = Array.isArray(ownerReferences) ? ownerReferences : [];
  const isOwned = owners.some((owner) => isObject(owner) && living.has(owner.uid));
  return owners.length > 0 && !isOwned && deletionTimestamp === undefined;
}

/** @returns whether the object is gone at once; otherwise it has a deletionTimestamp */
function end(
  store: ObjectStore,
  { kind, object }: { readonly kind: ServedKind; readonly object: JsonObject },
): boolean {
  const { namespace = '', name } = metadataOf(object);
  const deleted = store.delete(kind, String(namespace), String(name), undefined);
  return metadataOf(deleted).deletionTimestamp === undefined;
}
