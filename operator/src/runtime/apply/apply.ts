import type { ApplyConfiguration, Client, KubernetesObject, ResourceType, WrittenObject } from '../client/client.ts';
import { covers, hashOf, sameJson } from './json.ts';

export { hashOf, sameJson, sameJsonBut } from './json.ts';

/** What an apply came to. */
export type ApplyOutcome = 'applied' | 'unchanged';

/**
 * The annotation with the hash of what a field manager applied last. Each manager has its own, so that two who share an
 * object do not undo each other's; the name of a manager must be a DNS name for that, e.g. `widget-controller`.
 */
export function appliedHashAnnotation(fieldManager: string): string {
  return `${fieldManager}/applied-hash`;
}

/**
 * Server-side apply that costs nothing when nothing changed (a no-op apply costs the API server as much as a real one):
 * the hash of the configuration travels as an annotation, and an object in the cache that carries it and still has all
 * fields of the configuration is left alone; a field that somebody else changed is set again. Fields that are no longer
 * in the configuration change the hash and are removed by the server, which knows what this manager owned.
 *
 * Values must be in the form in which the server keeps them (quantities: `1`, not `1000m`; `data`, not `stringData`):
 * others look as if somebody had changed them, and cost a write each time.
 *
 * @param current the object as the cache knows it: one that is behind an own write may make the next one look needless,
 * so tell `onWritten` of it (createWrittenVersions), and decide only when the cache has come as far
 * @param onWritten gets the object as the API server has it after a write
 * @throws ApiError
 */
export async function applyIfChanged<T extends KubernetesObject>(
  client: Pick<Client, 'apply'>,
  type: ResourceType<T>,
  current: KubernetesObject | undefined,
  configuration: ApplyConfiguration,
  fieldManager: string,
  onWritten: (object: T) => void = () => {},
): Promise<ApplyOutcome> {
  const annotation = { [appliedHashAnnotation(fieldManager)]: hashOf(configuration) };
  const annotations = { ...configuration.metadata.annotations, ...annotation };
  const marked = { ...configuration, metadata: { ...configuration.metadata, annotations } };
  // Items of a list come without apiVersion and kind from some servers.
  const { apiVersion: _apiVersion, kind: _kind, ...fields } = marked;
  if (current !== undefined && covers(current, fields)) return 'unchanged';
  onWritten(await client.apply(type, marked, fieldManager));
  return 'applied';
}

/** An object with a status, as {@link applyStatusIfChanged} compares it. */
export type WithStatus = KubernetesObject & { readonly status?: unknown };

/**
 * Applies a status unless the cached one is the same already. For objects whose status has one writer: a status in
 * which others own fields, too, is never the same, and is written each time.
 * @param onWritten as in {@link applyIfChanged}, but gets only the metadata
 * @throws ApiError
 */
export async function applyStatusIfChanged<T extends KubernetesObject>(
  client: Pick<Client, 'applyStatus'>,
  type: ResourceType<T>,
  current: WithStatus | undefined,
  configuration: ApplyConfiguration & { readonly status: unknown },
  fieldManager: string,
  onWritten: (object: WrittenObject) => void = () => {},
): Promise<ApplyOutcome> {
  if (current !== undefined && sameJson(current.status ?? {}, configuration.status ?? {})) return 'unchanged';
  onWritten(await client.applyStatus(type, configuration, fieldManager));
  return 'applied';
}
