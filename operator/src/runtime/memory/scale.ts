import { StatusAnswer } from './answer.ts';
import { isObject, type JsonObject, metadataOf } from './fields.ts';
import type { ObjectStore } from './object-store.ts';
import { apiVersionOf, type ServedKind } from './served-kind.ts';

/** The scale subresource of an object as autoscaling/v1 has it; of any kind with `spec.replicas`. */
export function scaleOf({ metadata, spec }: JsonObject): JsonObject {
  const { name, namespace, uid, resourceVersion } = metadataOf({ metadata });
  const replicas = isObject(spec) ? spec.replicas : undefined;
  return {
    ...{ apiVersion: 'autoscaling/v1', kind: 'Scale' },
    metadata: { name, namespace, uid, resourceVersion },
    spec: { replicas: replicas ?? 0 },
  };
}

/**
 * Applies `spec.replicas` of a Scale to the object itself, and nothing else of it.
 * @throws StatusAnswer 404 where there is no object, 422 for anything but a number of pods
 */
export function applyScaleTo(
  store: ObjectStore,
  kind: ServedKind,
  scale: JsonObject,
  fieldManager: string,
): JsonObject {
  const { namespace = '', name } = metadataOf(scale);
  if (!kind.hasScale) throw new StatusAnswer(404, 'NotFound', 'the server could not find the requested resource');
  store.get(kind, String(namespace), String(name));
  const replicas = isObject(scale.spec) ? scale.spec.replicas : undefined;
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    throw new StatusAnswer(422, 'Invalid', 'spec.replicas: Invalid value: must be a whole number that is not negative');
  }
  const body = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name }, spec: { replicas } };
  return scaleOf(store.apply(kind, 'object', body, fieldManager));
}
