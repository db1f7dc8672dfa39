import { SluiceError } from '@sluice/common/errors/error.ts';
import { mapPath, type PathMapping } from './paths.ts';
import type { LocalPod, Variable } from './pod.ts';

/** What a container's environment is made from. */
export interface EnvironmentSources {
  readonly pod: LocalPod;
  readonly podIp: string;
  readonly nodeName: string;
  /** Secrets of the pod's namespace by name, as far as its variables name them: decoded values by key. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly mappings: readonly PathMapping[];
  /** Replaces names of Services in a value. */
  readonly resolve: (text: string) => string;
}

/**
 * The variables of a container: `$(NAME)` stands for an earlier one, paths and Services get their local places.
 * @throws SluiceError CONFIG_INVALID naming a field or key that does not exist
 */
export function environmentOf(variables: readonly Variable[], sources: EnvironmentSources): Record<string, string> {
  const result: Record<string, string> = {};
  for (const variable of variables) {
    const text = textOf(variable, sources);
    if (text === null) continue;
    const expanded = text.replace(/\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (whole, name) => result[name] ?? whole);
    result[variable.name] = mapPath(sources.resolve(expanded), sources.mappings);
  }
  return result;
}

/** Null for an optional key that is not there. */
function textOf({ name, value, valueFrom }: Variable, sources: EnvironmentSources): string | null {
  if (valueFrom?.fieldRef !== undefined) return fieldOf(name, valueFrom.fieldRef.fieldPath, sources);
  const key = valueFrom?.secretKeyRef;
  if (key === undefined) return value;
  const found = sources.secrets[key.name]?.[key.key];
  if (found === undefined && !key.optional) throw invalid(`env ${name}: Secret ${key.name} has no key ${key.key}`);
  return found ?? null;
}

function fieldOf(name: string, fieldPath: string, { pod, podIp, nodeName }: EnvironmentSources): string {
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': nodeName,
    'status.podIP': podIp,
    'status.hostIP': podIp,
  };
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath) ?? [];
  const found =
    map === undefined ? fields[fieldPath] : (pod.metadata[map as 'labels' | 'annotations'][key ?? ''] ?? '');
  if (found === undefined)
    throw invalid(`env ${name}: there is no field ${fieldPath}; known: ${Object.keys(fields).join(', ')}`);
  return found;
}

function invalid(message: string): SluiceError {
  return new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false });
}
