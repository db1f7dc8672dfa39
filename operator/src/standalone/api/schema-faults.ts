import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import { isObject } from '../../runtime/memory/fields.ts';
import type { FieldFault } from '../../runtime/memory/served-kind.ts';

/**
 * What a structural schema has against a value, in the words of the API server (k8s.io/kube-openapi validation), all
 * faults at once. Fields that the schema does not have are no fault: {@link unknownFields}.
 */
export function schemaFaults(schema: StructuralSchema, path: string, value: unknown): FieldFault[] {
  const type = expectedType(schema);
  if (!type.split(',').includes(typeOf(value))) {
    const actual = `"${typeOf(value)}"`;
    return [{ path, message: `Invalid value: ${actual}: ${path} in body must be of type ${type}: ${actual}` }];
  }
  if (isObject(value)) return objectFaults(schema, path, value);
  if (Array.isArray(value)) return listFaults(schema, path, value);
  return scalarFaults(schema, path, value);
}

/** The fields that a schema does not have, which the API server drops, each with the fields that it has in that place. */
export function unknownFields(schema: StructuralSchema, path: string, value: unknown): FieldFault[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.flatMap((item, at) => unknownFields(items, `${path}[${at}]`, item));
  }
  const { properties } = schema;
  if (!isObject(value) || properties === undefined) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const property = properties[name];
    if (property !== undefined) return unknownFields(property, below(path, name), child);
    return [{ path: below(path, name), message: `unknown field; known here: ${Object.keys(properties).join(', ')}` }];
  });
}

/** The path of a field of the object at `path`. */
export function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The type of a JSON value as schemas call it. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function expectedType(schema: StructuralSchema): string {
  return schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? 'object');
}

function objectFaults(schema: StructuralSchema, path: string, value: Readonly<Record<string, unknown>>): FieldFault[] {
  const { maxProperties } = schema;
  const tooMany = maxProperties !== undefined && Object.keys(value).length > maxProperties;
  const missing = (schema.required ?? []).filter((name) => value[name] === undefined);
  return [
    ...(tooMany ? [{ path, message: `Too many: must have at most ${maxProperties} items` }] : []),
    ...missing.map((name) => ({ path: below(path, name), message: 'Required value' })),
    ...Object.entries(value).flatMap(([name, child]) => {
      const childSchema = schema.properties?.[name] ?? schema.additionalProperties;
      const isAbsent = childSchema === undefined || child === undefined;
      return isAbsent ? [] : schemaFaults(childSchema, below(path, name), child);
    }),
  ];
}

function listFaults(schema: StructuralSchema, path: string, value: readonly unknown[]): FieldFault[] {
  const { items, maxItems, minItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) {
    return [{ path, message: `Too many: ${value.length}: must have at most ${maxItems} items` }];
  }
  if (minItems !== undefined && value.length < minItems) {
    return [
      { path, message: `Invalid value: ${value.length}: ${path} in body should have at least ${minItems} items` },
    ];
  }
  const faults = items === undefined ? [] : value.flatMap((item, at) => schemaFaults(items, `${path}[${at}]`, item));
  return [...faults, ...duplicateFaults(schema, path, value)];
}

/** Items of a list that is a map are told apart by their keys. */
function duplicateFaults(schema: StructuralSchema, path: string, value: readonly unknown[]): FieldFault[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (keys.length === 0) return [];
  const keyOf = (item: unknown) =>
    JSON.stringify(Object.fromEntries(keys.map((key) => [key, isObject(item) ? item[key] : undefined])));
  const all = value.map(keyOf);
  return all.flatMap((key, at) =>
    all.indexOf(key) === at ? [] : [{ path: `${path}[${at}]`, message: `Duplicate value: ${key}` }],
  );
}

function scalarFaults(schema: StructuralSchema, path: string, value: unknown): FieldFault[] {
  const problem = typeof value === 'string' ? textProblem(schema, value) : numberProblem(schema, value);
  if (problem === null) return [];
  if (problem.startsWith('should')) {
    return [{ path, message: `Invalid value: ${JSON.stringify(value)}: ${path} in body ${problem}` }];
  }
  return [{ path, message: problem }];
}

function textProblem(schema: StructuralSchema, value: string): string | null {
  const { enum: values, maxLength, minLength, pattern, format } = schema;
  if (values !== undefined && !values.includes(value)) {
    return `Unsupported value: "${value}": supported values: ${values.map((each) => `"${each}"`).join(', ')}`;
  }
  if (maxLength !== undefined && [...value].length > maxLength) {
    return `Too long: may not be more than ${maxLength} bytes`;
  }
  if (minLength !== undefined && [...value].length < minLength) return `should be at least ${minLength} chars long`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return `should match '${pattern}'`;
  if (format === 'date-time' && Number.isNaN(Date.parse(value))) return 'should be a date-time (RFC 3339)';
  return null;
}

function numberProblem({ minimum, maximum }: StructuralSchema, value: unknown): string | null {
  if (typeof value !== 'number') return null;
  if (minimum !== undefined && value < minimum) return `should be greater than or equal to ${minimum}`;
  if (maximum !== undefined && value > maximum) return `should be less than or equal to ${maximum}`;
  return null;
}
