import type { z } from 'zod';
import type { ValidationRule } from './extensions.ts';
import { API_GROUP, API_VERSION_NAME, CATEGORY, type KindNames } from './group.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** One column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

/** What a CustomResourceDefinition is made of. */
export interface CustomResource {
  readonly names: KindNames;
  /** What `kubectl explain` says first. */
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** Rules over the whole object. */
  readonly rules: readonly ValidationRule[];
  readonly columns: readonly PrinterColumn[];
}

const API_VERSION_DESCRIPTION = `Version of the API: ${API_GROUP}/${API_VERSION_NAME}.`;

/** The schema of the whole object; the server adds ObjectMeta's own. @throws StructuralSchemaError */
export function objectSchema(resource: CustomResource): StructuralSchema {
  const { kind } = resource.names;
  return {
    type: 'object',
    description: resource.description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: API_VERSION_DESCRIPTION },
      kind: { type: 'string', description: `Kind of the object: ${kind}.` },
      // Named here only so that rules may point to it; the server knows what else is in ObjectMeta.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: structuralSchema(resource.spec, `${kind}.spec`),
      status: structuralSchema(resource.status, `${kind}.status`),
    },
    'x-kubernetes-validations': resource.rules,
  };
}

/** The CustomResourceDefinition of a kind, as plain data. @throws StructuralSchemaError */
export function customResourceDefinition(resource: CustomResource): object {
  const { kind, listKind, plural, singular, shortNames } = resource.names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { kind, listKind, plural, singular, shortNames, categories: [CATEGORY] },
      versions: [
        {
          name: API_VERSION_NAME,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: resource.columns,
          schema: { openAPIV3Schema: objectSchema(resource) },
        },
      ],
    },
  };
}
