import { describe, expect, test } from '@jest/globals';
import { kindSchemas, type OpenApiDocument } from './openapi-schema.ts';

const document: OpenApiDocument = {
  components: {
    schemas: {
      'apps.v1.Thing': {
        type: 'object',
        description: 'A thing.',
        properties: {
          spec: { allOf: [{ $ref: '#/components/schemas/apps.v1.ThingSpec' }], default: {} },
          $ref: { type: 'string' },
        },
        'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Thing' }],
      },
      'apps.v1.ThingSpec': {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', format: 'int32' },
          labels: { type: 'object', additionalProperties: { type: 'string', default: '' } },
          child: { $ref: '#/components/schemas/apps.v1.ThingSpec' },
          raw: { type: 'object', properties: { a: {} }, 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
      'apps.v1.Unrelated': { type: 'object' },
    },
  },
};

describe('kindSchemas', () => {
  test('closes each kind in itself, strict, with references that work', () => {
    expect(kindSchemas(document)).toEqual([
      {
        group: 'apps',
        version: 'v1',
        kind: 'Thing',
        schema: {
          $ref: '#/definitions/apps.v1.Thing',
          definitions: {
            'apps.v1.Thing': {
              type: 'object',
              additionalProperties: false,
              properties: { spec: { allOf: [{ $ref: '#/definitions/apps.v1.ThingSpec' }] }, $ref: { type: 'string' } },
            },
            'apps.v1.ThingSpec': {
              type: 'object',
              required: ['size'],
              additionalProperties: false,
              properties: {
                size: { type: 'integer' },
                labels: { type: 'object', additionalProperties: { type: 'string' } },
                child: { $ref: '#/definitions/apps.v1.ThingSpec' },
                raw: { type: 'object', properties: { a: {} } },
              },
            },
          },
        },
      },
    ]);
  });

  test('refuses a document that refers to what it does not define', () => {
    const broken: OpenApiDocument = {
      components: {
        schemas: {
          A: { $ref: '#/components/schemas/B', 'x-kubernetes-group-version-kind': [{ version: 'v1', kind: 'A' }] },
        },
      },
    };
    expect(() => kindSchemas(broken)).toThrow('refers to B');
  });
});
