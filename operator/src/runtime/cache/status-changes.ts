import { sameJsonBut } from '../apply/json.ts';
import type { KubernetesObject } from '../client/client.ts';

const VERSION: ReadonlySet<string> = new Set(['resourceVersion']);

/**
 * Whether an object has changed in nothing but its status, as after a write of the controller that owns the status: who
 * works from its own copy of it need not look again. Only for kinds with a status subresource, whose `generation` moves
 * with every change of the spec and never with the status (API conventions, "Metadata"); an object without a generation
 * has always changed.
 */
export function onlyStatusChanged(before: KubernetesObject, after: KubernetesObject): boolean {
  if (after.metadata.generation === undefined) return false;
  return sameJsonBut(before.metadata, after.metadata, VERSION);
}
