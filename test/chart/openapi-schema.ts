/** A JSON schema or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** The document that a kube-apiserver serves for one API group and version. */
export interface OpenApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A schema of one kind, closed in itself. */
export interface KindSchema {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly schema: Schema;
}

const REFERENCE_PREFIX = '#/components/schemas/';
/** Keywords whose value is one schema. */
const SCHEMA_KEYWORDS = ['items', 'additionalProperties', 'not'];
/** Keywords whose value is a list of schemas. */
const LIST_KEYWORDS = ['allOf', 'anyOf', 'oneOf'];
/** OpenAPI's `format` names mean nothing to a JSON schema validator, and defaults do not validate. */
const DROPPED_KEYWORDS = ['format', 'default', 'description'];

/**
 * Turns a kube-apiserver's OpenAPI v3 document into one strict JSON schema per kind: fields that the API does not know
 * are errors, as with `kubectl --validate=strict`.
 */
export function kindSchemas(document: OpenApiDocument): KindSchema[] {
  const schemas = document.components.schemas;
  return Object.entries(schemas).flatMap(([name, schema]) =>
    kindsOf(schema).map((kind) => ({
      ...kind,
      schema: { $ref: `#/definitions/${name}`, definitions: reachable(name, schemas) },
    })),
  );
}

function kindsOf(schema: Schema): Omit<KindSchema, 'schema'>[] {
  const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as {
    group?: string;
    version: string;
    kind: string;
  }[];
  return kinds.map(({ group = '', version, kind }) => ({ group, version, kind }));
}

/** The named schema and everything that it refers to, strict. */
function reachable(start: string, schemas: OpenApiDocument['components']['schemas']): Record<string, Schema> {
  const definitions: Record<string, Schema> = {};
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (definitions[name] !== undefined) continue;
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`the API server's document refers to ${name} and does not define it`);
    definitions[name] = strict(schema, (reference) => open.push(reference));
  }
  return definitions;
}

function strict(schema: Schema, onReference: (name: string) => void): Schema {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-kubernetes-') || DROPPED_KEYWORDS.includes(key)) continue;
    if (key === '$ref' && typeof value === 'string') {
      const name = value.slice(REFERENCE_PREFIX.length);
      onReference(name);
      result.$ref = `#/definitions/${name}`;
    } else if (key === 'properties') {
      const properties = Object.entries(value as Record<string, Schema>);
      result.properties = Object.fromEntries(properties.map(([name, part]) => [name, strict(part, onReference)]));
    } else if (SCHEMA_KEYWORDS.includes(key) && typeof value === 'object') {
      result[key] = strict(value as Schema, onReference);
    } else if (LIST_KEYWORDS.includes(key)) {
      result[key] = (value as Schema[]).map((part) => strict(part, onReference));
    } else result[key] = value;
  }
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (result.properties !== undefined && result.additionalProperties === undefined && !open) {
    result.additionalProperties = false;
  }
  return result;
}
