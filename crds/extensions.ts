/** One CEL rule of a structural schema (`x-kubernetes-validations`). */
export interface ValidationRule {
  /** CEL expression that is true for valid values; `self` is the value that the schema describes. */
  readonly rule: string;
  /** What a person reads when the rule is broken: names the field and the remedy. */
  readonly message: string;
  /** JSON path below `self` of the field that the error names, e.g. `.timeoutSeconds`. */
  readonly fieldPath?: string;
}

/** Metadata for `.meta()`: the API server checks these rules after the schema and its defaults. */
export function validations(...rules: readonly ValidationRule[]): {
  'x-kubernetes-validations': readonly ValidationRule[];
} {
  return { 'x-kubernetes-validations': rules };
}

/** Metadata for `.meta()`: a list whose items are told apart by `keys`; server-side apply merges it item by item. */
export function listMap(...keys: readonly [string, ...string[]]): {
  'x-kubernetes-list-type': 'map';
  'x-kubernetes-list-map-keys': readonly string[];
} {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys };
}

/** Metadata for `.meta()`: a list whose order matters, so that server-side apply replaces it as a whole. */
export const atomicList = { 'x-kubernetes-list-type': 'atomic' } as const;
