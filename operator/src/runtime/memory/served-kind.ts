import type { JsonObject } from './fields.ts';

/** One thing that is wrong with an object. */
export interface FieldFault {
  /** JSON path of the field, e.g. `spec.template.spec.containers`. */
  readonly path: string;
  readonly message: string;
}

/** One column of `kubectl get`, as a CustomResourceDefinition has it. */
export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  /** `.a.b`, with `[?(@.type=="T")]` for the item of a list. */
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 0 | 1;
}

/** A kind that a store keeps, with what an API server does to its objects before it keeps them. */
export interface ServedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Other names on kubectl's command line. */
  readonly shortNames?: readonly string[];
  /** Columns of `kubectl get` after the name; the age if left out. */
  readonly columns?: readonly TableColumn[];
  /** Whether it has a status subresource: writes to the object leave the status alone, and the other way round. */
  readonly hasStatus?: boolean;
  /** Whether it has a scale subresource, for its `spec.replicas`. */
  readonly hasScale?: boolean;
  /** Fills in defaults and drops fields that the kind does not have; gives the object itself where it cannot. */
  readonly complete?: (object: JsonObject) => JsonObject;
  /**
   * What is wrong with an object, as the schema of a CRD would have it; anything is refused with a 422.
   * @param before the object as it is stored; null for a new one
   */
  readonly refuse?: (object: JsonObject, before: JsonObject | null) => readonly FieldFault[];
  /** Fields that the kind does not have, for writers who want to be told of a slip. */
  readonly unknownFields?: (object: JsonObject) => readonly FieldFault[];
  /**
   * Seconds between the wish to delete an object and its end, unless a delete names others. Somebody else, for a Pod
   * the kubelet, then deletes it with 0 s. Left out: objects of the kind go at once.
   */
  readonly graceSeconds?: (object: JsonObject) => number;
}

/** `v1` or `<group>/<version>`. */
export function apiVersionOf({ group, version }: ServedKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `<Kind>.<group>`, or the kind alone in the core group, as messages about one object have it. */
export function qualifiedKind({ group, kind }: ServedKind): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** `<plural>.<group>`, or the plural alone in the core group: the name of a kind in messages. */
export function qualified({ group, plural }: ServedKind): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** The kind of an object as it names it; undefined if it is none of these. */
export function kindOfObject(kinds: readonly ServedKind[], { apiVersion, kind }: JsonObject): ServedKind | undefined {
  return kinds.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}
