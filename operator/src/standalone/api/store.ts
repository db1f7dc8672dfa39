import { CHANNEL_NAMES } from '@sluice/crds';
import { KINDS } from '@sluice/crds/kinds.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import { ObjectStore } from '../../runtime/memory/object-store.ts';
import type { ServedKind } from '../../runtime/memory/served-kind.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { CORE_KINDS } from './core-kinds.ts';
import { servedCustomKind } from './custom-kind.ts';
import { createRuleCheck } from './rules.ts';
import { SERVICE } from './shapes.ts';

/** What the store of this mode is made of. */
export interface StandaloneStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where Services are; names in objects stay as they are without. */
  readonly network?: Pick<LoopbackNetwork, 'resolve' | 'serviceAddress'>;
}

/** The Kubernetes API of this mode: Sluice's kinds and those of Kubernetes' own that it needs. */
export function createStandaloneStore({ now, network }: StandaloneStoreOptions): ObjectStore {
  const check = createRuleCheck();
  const kinds = [...KINDS.map((kind) => servedCustomKind(kind, check)), ...CORE_KINDS];
  const complete = (kind: ServedKind) => (object: JsonObject) => {
    const admitted = network === undefined ? object : withAddresses(object, network);
    return kind.complete?.(admitted) ?? admitted;
  };
  return new ObjectStore({ kinds: kinds.map((kind) => ({ ...kind, complete: complete(kind) })), now });
}

/**
 * Gives a Service its address, and replaces the name of a Service in the source's URL of a Channel: a browser on this
 * machine, which in Direct fetches from the source itself, asks no cluster's DNS.
 */
function withAddresses(
  object: JsonObject,
  { resolve, serviceAddress }: Pick<LoopbackNetwork, 'resolve' | 'serviceAddress'>,
): JsonObject {
  const { kind, spec } = object;
  if (!isObject(spec)) return object;
  const { namespace, name } = metadataOf(object);
  if (kind === SERVICE.kind) {
    return { ...object, spec: { ...spec, clusterIP: serviceAddress(String(namespace), String(name)) } };
  }
  if (kind !== CHANNEL_NAMES.kind || !isObject(spec.source) || typeof spec.source.uri !== 'string') return object;
  return { ...object, spec: { ...spec, source: { ...spec.source, uri: resolve(spec.source.uri) } } };
}
