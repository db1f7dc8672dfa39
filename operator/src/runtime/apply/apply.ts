import { createHash } from 'node:crypto';
import type { ApplyConfiguration, Client, KubernetesObject, ResourceType } from '../client/client.ts';

/** Annotation that holds the hash of what was applied last. */
export const APPLIED_HASH_ANNOTATION = 'sluice.dev/applied-hash';

/** What an apply came to. */
export type ApplyOutcome = 'applied' | 'unchanged';

/**
 * Server-side apply that costs nothing when nothing changed: the hash of the configuration travels as an annotation,
 * and an object in the cache that carries it is left alone. (A no-op apply costs the API server as much as a real one.)
 * Fields that are no longer in the configuration are removed by the server, which knows what this manager owned.
 * @param current the object as the cache knows it
 * @throws ApiError
 */
export async function applyIfChanged<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  current: KubernetesObject | undefined,
  configuration: ApplyConfiguration,
  fieldManager: string,
): Promise<ApplyOutcome> {
  const hash = hashOf(configuration);
  if (current?.metadata.annotations?.[APPLIED_HASH_ANNOTATION] === hash) return 'unchanged';
  const annotations = { ...configuration.metadata.annotations, [APPLIED_HASH_ANNOTATION]: hash };
  const marked = { ...configuration, metadata: { ...configuration.metadata, annotations } };
  await client.apply(type, marked, fieldManager);
  return 'applied';
}

/** Twenty hex digits that are equal for equal configurations, whatever the order of their fields. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 20);
}

/** Whether two values are the same JSON, whatever the order of their fields; undefined fields do not count. */
export function sameJson(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
