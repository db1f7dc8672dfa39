import { z } from 'zod';
import type { ValidationRule } from './extensions.ts';

/** A node of a structural schema, as apiextensions.k8s.io/v1 takes it: JSON Schema without what the server refuses. */
export interface StructuralSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly nullable?: true;
  readonly enum?: readonly string[];
  readonly format?: 'date-time' | 'int32' | 'int64';
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: true;
  readonly exclusiveMaximum?: true;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: StructuralSchema;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: StructuralSchema;
  readonly maxProperties?: number;
  readonly anyOf?: readonly [{ readonly type: 'integer' }, { readonly type: 'string' }];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** A schema that no CRD can carry. A mistake in this package, found when the files are generated. */
export class StructuralSchemaError extends Error {
  readonly code = 'SCHEMA_NOT_STRUCTURAL';
  readonly retryable = false;
  /** Path of the field, e.g. `spec.source.uri`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = 'StructuralSchemaError';
    this.path = path;
  }
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords by type of node; every other keyword is refused, so that nothing is lost without a word. */
const COMMON_KEYWORDS = ['type', 'description', 'default', 'nullable', 'x-kubernetes-validations'];
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: [...COMMON_KEYWORDS, 'properties', 'required', 'additionalProperties', 'maxProperties'],
  array: [...COMMON_KEYWORDS, 'items', 'minItems', 'maxItems', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  string: [...COMMON_KEYWORDS, 'enum', 'format', 'pattern', 'minLength', 'maxLength'],
  integer: [...COMMON_KEYWORDS, 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: COMMON_KEYWORDS,
};
const INT32_MAX = 2_147_483_647;
const INT32_MIN = -2_147_483_648;

/**
 * Converts a zod schema to the structural schema of a CRD, as a client writes objects: fields with a default are not
 * required. Beside what the API server refuses, it refuses what makes a worse API: fields without description, values
 * without bounds (the server estimates the cost of CEL rules from them) and floating-point numbers.
 * @param path what the schema describes, for error messages
 * @throws StructuralSchemaError naming the field
 */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  let json: JsonSchema;
  try {
    json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  } catch (error) {
    throw new StructuralSchemaError(path, error instanceof Error ? error.message : String(error));
  }
  const { $schema: _dialect, ...root } = json as Record<string, unknown>;
  return convert(root, path);
}

function convert(node: JsonSchema, path: string): StructuralSchema {
  for (const keyword of ['$ref', 'definitions', '$defs']) {
    if (keyword in node) throw new StructuralSchemaError(path, 'recursive and named schemas cannot be inlined');
  }
  if ('anyOf' in node) return convertIntOrString(node, path);
  const type = node.type;
  if (typeof type !== 'string') {
    throw new StructuralSchemaError(path, `a field needs exactly one type, this one has ${JSON.stringify(node)}`);
  }
  if (type === 'number') {
    throw new StructuralSchemaError(path, 'floating-point numbers are not for APIs: use an integer of a smaller unit');
  }
  const allowed = KEYWORDS[type];
  if (allowed === undefined) throw new StructuralSchemaError(path, `type ${type} is not known to a CRD`);
  refuseOtherKeywords(node, allowed, path);
  if (type === 'object') return convertObject(node, path);
  if (type === 'array') return convertArray(node, path);
  if (type === 'string') return convertString(node, path);
  if (type === 'integer') return convertInteger(node, path);
  return node as StructuralSchema;
}

function refuseOtherKeywords(node: JsonSchema, allowed: readonly string[], path: string): void {
  for (const keyword of Object.keys(node)) {
    if (!allowed.includes(keyword)) {
      throw new StructuralSchemaError(path, `keyword ${keyword} cannot stand in a structural schema here`);
    }
  }
}

function convertObject(node: JsonSchema, path: string): StructuralSchema {
  const { properties, required, additionalProperties, ...rest } = node;
  if (additionalProperties !== undefined) return convertMap(node, path);
  if (Object.keys(properties ?? {}).length === 0) throw new StructuralSchemaError(path, 'an object needs fields');
  if ('maxProperties' in rest) throw new StructuralSchemaError(path, 'maxProperties is for maps, not for objects');
  const converted: Record<string, StructuralSchema> = {};
  for (const [name, property] of Object.entries(properties as Record<string, JsonSchema>)) {
    const field = convert(property, `${path}.${name}`);
    if (field.description === undefined) throw new StructuralSchemaError(`${path}.${name}`, 'has no description');
    converted[name] = field;
  }
  const { default: given, ...others } = rest;
  return {
    ...others,
    ...(given === undefined ? {} : { default: completeDefault(given, converted) }),
    ...(Array.isArray(required) && required.length > 0 ? { required: required as string[] } : {}),
    properties: converted,
  } as StructuralSchema;
}

/** The server checks the default of an object against its CEL rules as it stands, without the defaults of its fields. */
function completeDefault(given: unknown, fields: Readonly<Record<string, StructuralSchema>>): object {
  const defaults = Object.entries(fields).flatMap(([name, field]) =>
    field.default === undefined ? [] : [[name, field.default]],
  );
  return { ...Object.fromEntries(defaults), ...(given as object) };
}

/** A map has values of one type; together with named fields the server calls it a contradiction. */
function convertMap(node: JsonSchema, path: string): StructuralSchema {
  const { properties, required, additionalProperties, ...rest } = node;
  if (properties !== undefined) {
    throw new StructuralSchemaError(path, 'strict and loose objects cannot stand in a CRD: use z.object');
  }
  if (required !== undefined) throw new StructuralSchemaError(path, 'keys of a map cannot be required');
  if (typeof additionalProperties !== 'object' || additionalProperties === null) {
    throw new StructuralSchemaError(path, 'values of a map need a schema');
  }
  if (!('maxProperties' in rest)) {
    throw new StructuralSchemaError(path, 'a map needs a bound: .meta({ maxProperties: ... })');
  }
  return {
    ...rest,
    additionalProperties: convert(additionalProperties as JsonSchema, `${path}.*`),
  } as StructuralSchema;
}

function convertArray(node: JsonSchema, path: string): StructuralSchema {
  const { items, ...rest } = node;
  if (typeof items !== 'object' || items === null || Array.isArray(items)) {
    throw new StructuralSchemaError(path, 'items of a list need one schema for all');
  }
  if (!('maxItems' in rest)) throw new StructuralSchemaError(path, 'a list needs a bound: .max(...)');
  if (!('x-kubernetes-list-type' in rest)) {
    throw new StructuralSchemaError(
      path,
      'a list needs a type for server-side apply: .meta(listMap(...)) or .meta(atomicList)',
    );
  }
  const converted = convert(items as JsonSchema, `${path}[]`);
  for (const key of (rest['x-kubernetes-list-map-keys'] as string[] | undefined) ?? []) {
    if (!converted.required?.includes(key) && converted.properties?.[key]?.default === undefined) {
      throw new StructuralSchemaError(path, `key ${key} of the list must be required or have a default`);
    }
  }
  return { ...rest, items: converted } as StructuralSchema;
}

function convertString(node: JsonSchema, path: string): StructuralSchema {
  const { pattern, ...rest } = node;
  // The server checks the format; zod's pattern for it, with all leap years, says the same in 300 characters.
  if (node.format === 'date-time') return rest as StructuralSchema;
  if (node.format !== undefined) throw new StructuralSchemaError(path, `format ${node.format} is not in use here`);
  if (Array.isArray(node.enum) && node.enum.some((value) => typeof value !== 'string')) {
    throw new StructuralSchemaError(path, 'an enumeration has strings only: for a field without value use .optional()');
  }
  if (node.enum === undefined && node.maxLength === undefined) {
    throw new StructuralSchemaError(path, 'a string needs a bound: .max(...)');
  }
  return node as StructuralSchema;
}

function convertInteger(node: JsonSchema, path: string): StructuralSchema {
  const { minimum, maximum } = node;
  if (typeof minimum !== 'number' || typeof maximum !== 'number') {
    throw new StructuralSchemaError(path, 'an integer needs bounds: z.int32() or z.int()');
  }
  const { type, ...rest } = node;
  return {
    type,
    format: minimum >= INT32_MIN && maximum <= INT32_MAX ? 'int32' : 'int64',
    ...rest,
  } as StructuralSchema;
}

/** The one union that Kubernetes knows; other unions are optional fields with a CEL rule. */
function convertIntOrString(node: JsonSchema, path: string): StructuralSchema {
  const { anyOf, ...rest } = node;
  const branches = anyOf as JsonSchema[];
  const integer = branches.find((branch) => branch.type === 'integer');
  const string = branches.find((branch) => branch.type === 'string');
  if (branches.length !== 2 || integer === undefined || string === undefined) {
    throw new StructuralSchemaError(
      path,
      'the only union in a CRD is integer or string: use optional fields and a CEL rule',
    );
  }
  refuseOtherKeywords(rest, COMMON_KEYWORDS, path);
  const { type: _integer, format: _format, ...integerBounds } = convertInteger(integer, path);
  const { type: _string, ...stringBounds } = convertString(string, path);
  return {
    ...rest,
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...integerBounds,
    ...stringBounds,
  } as StructuralSchema;
}
