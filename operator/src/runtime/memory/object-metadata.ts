import { type JsonObject, metadataOf } from './fields.ts';

/** Whether somebody wants to do something before the object may go. */
export function hasFinalizers(object: JsonObject): boolean {
  const { finalizers } = metadataOf(object);
  return Array.isArray(finalizers) && finalizers.length > 0;
}

/** What only the server writes in metadata. */
export function serverFields(object: JsonObject): JsonObject {
  const metadata = metadataOf(object);
  const names = ['uid', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'];
  return Object.fromEntries(names.flatMap((name) => (name in metadata ? [[name, metadata[name]]] : [])));
}
