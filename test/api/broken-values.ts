import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';

/** What is wrong with every field of a value. */
export type Defect = 'wrong type' | 'below its bounds' | 'above its bounds' | 'too many items' | 'missing';

/** An error that the API server must report, in its own words. */
export interface ExpectedError {
  readonly path: string;
  readonly phrase: string;
}

/** A value of a schema in which every field that can have the defect has it. */
export interface BrokenValue {
  /** undefined: nothing in it can have the defect. */
  readonly value: unknown;
  readonly errors: readonly ExpectedError[];
}

const NOTHING: BrokenValue = { value: undefined, errors: [] };

/** Builds the value for one defect; containers are there so that the server sees all of their fields at once. */
export function brokenValue(schema: StructuralSchema, path: string, defect: Defect): BrokenValue {
  if (schema.properties !== undefined) return brokenObject(schema.properties, schema.required ?? [], path, defect);
  if (schema.items !== undefined) return brokenList(schema, schema.items, path, defect);
  if (schema.additionalProperties !== undefined) return brokenMap(schema, schema.additionalProperties, path, defect);
  return brokenScalar(schema, path, defect);
}

function brokenObject(
  properties: Readonly<Record<string, StructuralSchema>>,
  required: readonly string[],
  path: string,
  defect: Defect,
): BrokenValue {
  const value: Record<string, unknown> = {};
  const errors: ExpectedError[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const fieldPath = `${path}.${name}`;
    const broken = brokenValue(property, fieldPath, defect);
    errors.push(...broken.errors);
    if (broken.value !== undefined) value[name] = broken.value;
    else if (defect === 'missing' && required.includes(name))
      errors.push({ path: fieldPath, phrase: 'Required value' });
  }
  return { value: errors.length > 0 ? value : undefined, errors };
}

function brokenList(schema: StructuralSchema, items: StructuralSchema, path: string, defect: Defect): BrokenValue {
  if (defect === 'too many items') {
    const value = Array.from({ length: (schema.maxItems ?? 0) + 1 }, () => ({}));
    return { value, errors: [{ path, phrase: `must have at most ${schema.maxItems} items` }] };
  }
  if (defect === 'below its bounds' && schema.minItems !== undefined) {
    return { value: [], errors: [{ path, phrase: `should have at least ${schema.minItems} items` }] };
  }
  const item = brokenValue(items, `${path}[0]`, defect);
  return item.value === undefined ? NOTHING : { value: [item.value], errors: item.errors };
}

function brokenMap(schema: StructuralSchema, values: StructuralSchema, path: string, defect: Defect): BrokenValue {
  if (defect === 'too many items') {
    const keys = Array.from({ length: (schema.maxProperties ?? 0) + 1 }, (_, index) => [`key${index}`, '1']);
    return {
      value: Object.fromEntries(keys),
      errors: [{ path, phrase: `must have at most ${schema.maxProperties} items` }],
    };
  }
  const value = brokenValue(values, `${path}.key`, defect);
  return value.value === undefined ? NOTHING : { value: { key: value.value }, errors: value.errors };
}

function brokenScalar(schema: StructuralSchema, path: string, defect: Defect): BrokenValue {
  const broken = (value: unknown, phrase: string): BrokenValue => ({ value, errors: [{ path, phrase }] });
  if (defect === 'wrong type') {
    if (schema.type === undefined) return broken(true, 'must be of type integer,string: "boolean"');
    const value = schema.type === 'string' ? 7 : 'text';
    return broken(value, `must be of type ${schema.type}: "${typeof value === 'number' ? 'integer' : 'string'}"`);
  }
  if (defect === 'below its bounds') {
    if (schema.enum !== undefined) return broken('Wrong', 'Unsupported value: "Wrong": supported values: ');
    if (schema.minimum !== undefined) return broken(schema.minimum - 1, `greater than or equal to ${schema.minimum}`);
    if (schema.minLength !== undefined) return broken('', `should be at least ${schema.minLength} chars long`);
  }
  if (defect === 'above its bounds') {
    if (schema.maxLength !== undefined) {
      return broken('x'.repeat(schema.maxLength + 1), `Too long: may not be more than ${schema.maxLength} bytes`);
    }
    if (schema.maximum !== undefined) return broken(schema.maximum + 1, `less than or equal to ${schema.maximum}`);
  }
  return NOTHING;
}

/**
 * One value for each object, list and map below a schema, with text in its place. They cannot share one value: where
 * a container is broken, the server sees nothing of what should be in it.
 */
export function wrongContainers(schema: StructuralSchema, path: string): BrokenValue[] {
  const type = schema.type ?? '';
  const here: BrokenValue[] =
    type === 'object' || type === 'array'
      ? [{ value: 'text', errors: [{ path, phrase: `must be of type ${type}: "string"` }] }]
      : [];
  const inFields = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    wrongContainers(property, `${path}.${name}`).map(({ value, errors }) => ({ value: { [name]: value }, errors })),
  );
  const inItems =
    schema.items === undefined
      ? []
      : wrongContainers(schema.items, `${path}[0]`).map(({ value, errors }) => ({ value: [value], errors }));
  return [...here, ...inFields, ...inItems];
}
