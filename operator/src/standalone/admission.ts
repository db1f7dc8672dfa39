import { CHANNEL_NAMES } from '@sluice/crds';
import { isObject, type JsonObject } from '../runtime/memory/fields.ts';
import type { LoopbackNetwork } from './network/network.ts';

/**
 * Replaces the name of a Service in the source's URL of a Channel by its address: a browser on this machine, which in
 * Direct fetches from the source itself, asks no cluster's DNS.
 */
export function admission(network: Pick<LoopbackNetwork, 'resolve'>): (object: JsonObject) => JsonObject {
  return (object) => {
    const { kind, spec } = object;
    if (kind !== CHANNEL_NAMES.kind || !isObject(spec) || !isObject(spec.source)) return object;
    const { uri } = spec.source;
    if (typeof uri !== 'string') return object;
    return { ...object, spec: { ...spec, source: { ...spec.source, uri: network.resolve(uri) } } };
  };
}
