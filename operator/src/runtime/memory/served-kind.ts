import type { JsonObject } from './fields.ts';

/** A kind that a store keeps, with what an API server does to its objects before it keeps them. */
export interface ServedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether it has a status subresource: writes to the object leave the status alone, and the other way round. */
  readonly hasStatus?: boolean;
  /** Whether it has a scale subresource, for its `spec.replicas`. */
  readonly hasScale?: boolean;
  /** What a writer sends in the words of what is kept; asked once for each write, never for what others wrote before. */
  readonly received?: (body: JsonObject) => JsonObject;
  /**
   * An object as it is stored: with defaults. Whatever is wrong with it is refused.
   * @param before the object as it is stored now; null for a new one
   * @throws ApiError `Invalid`
   */
  readonly admit?: (object: JsonObject, before: JsonObject | null) => JsonObject;
  /**
   * Seconds between the wish to delete an object and its end, unless a delete names others. Somebody else, for a Pod
   * the kubelet, then deletes it with 0 s. Left out: objects of the kind go at once.
   */
  readonly graceSeconds?: (object: JsonObject) => number;
}

/** `v1` or `<group>/<version>`. */
export function apiVersionOf({ group, version }: Pick<ServedKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `<plural>.<group>`, or the plural alone in the core group: the name of a kind in messages. */
export function qualified({ group, plural }: Pick<ServedKind, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}
