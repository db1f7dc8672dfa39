import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { atomicList, listMap, validations } from './extensions.ts';
import { StructuralSchemaError, structuralSchema } from './structural-schema.ts';

/** The schema of one field of an object. */
function field(schema: z.ZodType): unknown {
  return structuralSchema(z.object({ field: schema.describe('A field.') }), 'spec').properties?.field;
}

describe('a zod schema becomes a structural schema', () => {
  const cases: { name: string; schema: z.ZodType; expected: object }[] = [
    { name: 'a string', schema: z.string().min(1).max(9), expected: { type: 'string', minLength: 1, maxLength: 9 } },
    {
      name: 'a pattern',
      schema: z.string().max(9).regex(/^a+$/),
      expected: { type: 'string', maxLength: 9, pattern: '^a+$' },
    },
    {
      name: 'an enumeration',
      schema: z.enum(['Idle', 'Proxy']),
      expected: { type: 'string', enum: ['Idle', 'Proxy'] },
    },
    { name: 'a literal', schema: z.literal('Transcode'), expected: { type: 'string', enum: ['Transcode'] } },
    {
      name: 'objects that are joined',
      schema: z.intersection(z.object({ a: z.boolean().describe('A.') }), z.object({ b: z.boolean().describe('B.') })),
      expected: {
        type: 'object',
        required: ['a', 'b'],
        properties: { a: { type: 'boolean', description: 'A.' }, b: { type: 'boolean', description: 'B.' } },
      },
    },
    { name: 'a boolean', schema: z.boolean(), expected: { type: 'boolean' } },
    {
      name: 'a small integer',
      schema: z.int32().min(0).max(9),
      expected: { type: 'integer', format: 'int32', minimum: 0, maximum: 9 },
    },
    {
      name: 'a large integer',
      schema: z.int().min(0),
      expected: { type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    },
    {
      name: 'a time, without the pattern that the format stands for',
      schema: z.iso.datetime(),
      expected: { type: 'string', format: 'date-time' },
    },
    { name: 'a value that may be null', schema: z.boolean().nullable(), expected: { type: 'boolean', nullable: true } },
    {
      name: 'integer or string',
      schema: z.union([
        z.int32().min(0),
        z
          .string()
          .max(9)
          .regex(/^[0-9]+m$/),
      ]),
      expected: {
        'x-kubernetes-int-or-string': true,
        anyOf: [{ type: 'integer' }, { type: 'string' }],
        minimum: 0,
        maximum: 2147483647,
        maxLength: 9,
        pattern: '^[0-9]+m$',
      },
    },
    {
      name: 'a map',
      schema: z.record(z.string(), z.string().max(9)).meta({ maxProperties: 3 }),
      expected: { type: 'object', maxProperties: 3, additionalProperties: { type: 'string', maxLength: 9 } },
    },
    {
      name: 'a list that is replaced as a whole',
      schema: z.array(z.boolean()).max(3).meta(atomicList),
      expected: { type: 'array', maxItems: 3, items: { type: 'boolean' }, 'x-kubernetes-list-type': 'atomic' },
    },
    {
      name: 'a rule',
      schema: z.boolean().meta(validations({ rule: 'self', message: 'must be true' })),
      expected: { type: 'boolean', 'x-kubernetes-validations': [{ rule: 'self', message: 'must be true' }] },
    },
    { name: 'a default', schema: z.boolean().default(true), expected: { type: 'boolean', default: true } },
  ];
  for (const { name, schema, expected } of cases) {
    test(name, () => {
      expect(field(schema)).toEqual({ description: 'A field.', ...expected });
    });
  }

  test('fields with a default or optional fields are not required', () => {
    const schema = z.object({
      needed: z.boolean().describe('A.'),
      optional: z.boolean().optional().describe('B.'),
      defaulted: z.boolean().default(true).describe('C.'),
    });
    expect(structuralSchema(schema, 'spec').required).toEqual(['needed']);
  });

  test('the default of an object holds the defaults of its fields, which the server does not add before its rules', () => {
    const schema = z
      .object({
        low: z.int32().default(2).describe('Low.'),
        deep: z
          .object({ high: z.int32().default(4).describe('High.') })
          .prefault({})
          .describe('Deep.'),
        none: z.int32().optional().describe('None.'),
      })
      .prefault({ low: 1 });
    expect(field(schema)).toMatchObject({ default: { low: 1, deep: { high: 4 } } });
  });

  test('a list of named things merges by its key', () => {
    const item = z.object({ name: z.string().max(9).describe('Name.') });
    expect(field(z.array(item).max(3).meta(listMap('name')))).toMatchObject({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    });
  });
});

describe('what a CRD cannot carry is refused with the path of the field', () => {
  const described = z.boolean().describe('A.');
  interface Tree {
    child?: Tree | undefined;
  }
  const tree: z.ZodType<Tree> = z.object({
    get child() {
      return tree.optional();
    },
  });
  const cases: { name: string; schema: z.ZodType; problem: string }[] = [
    { name: 'floating-point numbers', schema: z.number(), problem: 'floating-point' },
    { name: 'strict objects', schema: z.strictObject({ a: described }), problem: 'use z.object' },
    { name: 'loose objects', schema: z.looseObject({ a: described }), problem: 'use z.object' },
    { name: 'integers that may be null', schema: z.union([z.int32(), z.null()]), problem: 'strings only' },
    { name: 'no value at all', schema: z.never(), problem: 'exactly one type' },
    { name: 'objects without fields', schema: z.object({}), problem: 'needs fields' },
    { name: 'unions', schema: z.union([z.boolean(), z.string().max(9)]), problem: 'only union' },
    { name: 'unions of three', schema: z.union([z.boolean(), z.string().max(9), z.int32()]), problem: 'only union' },
    {
      name: 'discriminated unions',
      schema: z.discriminatedUnion('kind', [z.object({ kind: z.literal('A') }), z.object({ kind: z.literal('B') })]),
      problem: 'exactly one type',
    },
    { name: 'anything', schema: z.unknown(), problem: 'exactly one type' },
    { name: 'nothing but null', schema: z.null(), problem: 'strings only' },
    { name: 'tuples', schema: z.tuple([z.boolean(), z.boolean()]).meta(atomicList), problem: 'only union' },
    { name: 'recursion', schema: tree, problem: 'recursive' },
    { name: 'transformations', schema: z.date(), problem: 'Date' },
    {
      name: 'maps with required keys',
      schema: z.record(z.enum(['a', 'b']), z.boolean()).meta({ maxProperties: 2 }),
      problem: 'cannot be required',
    },
    { name: 'maps without a bound', schema: z.record(z.string(), z.boolean()), problem: 'needs a bound' },
    { name: 'strings without a bound', schema: z.string(), problem: 'needs a bound' },
    { name: 'formats that the server does not check', schema: z.email(), problem: 'format email' },
    { name: 'lists without a bound', schema: z.array(z.boolean()).meta(atomicList), problem: 'needs a bound' },
    {
      name: 'lists without a type for server-side apply',
      schema: z.array(z.boolean()).max(3),
      problem: 'server-side apply',
    },
    {
      name: 'list keys that may be missing',
      schema: z
        .array(z.object({ name: z.string().max(9).optional().describe('N.') }))
        .max(3)
        .meta(listMap('name')),
      problem: 'key name of the list',
    },
    {
      name: 'unique items',
      schema: z
        .array(z.boolean())
        .max(3)
        .meta({ ...atomicList, uniqueItems: true }),
      problem: 'uniqueItems',
    },
    { name: 'multiples', schema: z.int32().multipleOf(2), problem: 'multipleOf' },
    { name: 'enumerations of numbers', schema: z.literal([1, 2]), problem: 'floating-point' },
    { name: 'fields without a description', schema: z.object({ a: z.boolean() }), problem: 'no description' },
    {
      name: 'bounds of a map on an object',
      schema: z.object({ a: described }).meta({ maxProperties: 1 }),
      problem: 'for maps',
    },
  ];
  for (const { name, schema, problem } of cases) {
    test(name, () => {
      const attempt = () => field(schema);
      expect(attempt).toThrow(StructuralSchemaError);
      expect(attempt).toThrow(/^spec(\.field|:)/);
      expect(attempt).toThrow(problem);
    });
  }
});
