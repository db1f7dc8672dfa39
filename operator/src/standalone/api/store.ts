import { KINDS } from '@sluice/crds/kinds.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { ObjectStore } from '../../runtime/memory/object-store.ts';
import type { ServedKind } from '../../runtime/memory/served-kind.ts';
import { CORE_KINDS } from './core-kinds.ts';
import { servedCustomKind } from './custom-kind.ts';
import { createRuleCheck } from './rules.ts';

/** What the store of the standalone mode is made of. */
export interface StandaloneStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Changes every object before defaults and validation, as an admission webhook would; by default nothing. */
  readonly admit?: (object: JsonObject) => JsonObject;
}

/** The Kubernetes API of the standalone mode: Sluice's kinds and those of Kubernetes' own that it needs. */
export function createStandaloneStore({ now, admit = (object) => object }: StandaloneStoreOptions): ObjectStore {
  const check = createRuleCheck();
  const kinds = [...KINDS.map((kind) => servedCustomKind(kind, check)), ...CORE_KINDS];
  const complete = (kind: ServedKind) => (object: JsonObject) => {
    const admitted = admit(object);
    return kind.complete?.(admitted) ?? admitted;
  };
  return new ObjectStore({ kinds: kinds.map((kind) => ({ ...kind, complete: complete(kind) })), now });
}
