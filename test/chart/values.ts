/** What a values schema says of one value, as far as the checks read it. */
export interface ValueSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly definitions?: Readonly<Record<string, ValueSchema>>;
}

/**
 * Paths of values that the schema admits and values.yaml does not show. (The other direction is the schema's own work:
 * unknown keys are refused.)
 * @param admitted paths that users may set although values.yaml does not show them
 */
export function undocumentedValues(schema: ValueSchema, values: unknown, admitted: readonly string[]): string[] {
  return missingPaths(schema, schema, values, '').filter((path) => !admitted.includes(path));
}

function missingPaths(root: ValueSchema, schema: ValueSchema, values: unknown, path: string): string[] {
  const resolved = schema.$ref === undefined ? schema : root.definitions?.[schema.$ref.replace('#/definitions/', '')];
  return Object.entries(resolved?.properties ?? {}).flatMap(([name, part]) => {
    const below = path === '' ? name : `${path}.${name}`;
    if (typeof values !== 'object' || values === null || !(name in values)) return [below];
    return missingPaths(root, part, (values as Record<string, unknown>)[name], below);
  });
}
