import type { ObjectName } from '../client/client.ts';
import { StatusAnswer } from './answer.ts';
import type { ObjectStore } from './object-store.ts';
import { apiVersionOf, type ServedKind } from './served-kind.ts';

/**
 * Applies `spec.replicas` to an object, and nothing else of it, as its scale subresource does.
 * @throws StatusAnswer 404 where there is no object, 422 for anything but a number of pods
 */
export function applyScale(
  store: ObjectStore,
  kind: ServedKind,
  { namespace, name }: ObjectName,
  replicas: unknown,
  fieldManager: string,
): void {
  store.get(kind, namespace, name);
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    throw new StatusAnswer(422, 'Invalid', 'spec.replicas: Invalid value: must be a whole number that is not negative');
  }
  const identity = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name } };
  store.apply(kind, 'object', { ...identity, spec: { replicas } }, fieldManager);
}
