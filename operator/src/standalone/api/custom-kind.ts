import { type CustomResource, objectSchema } from '@sluice/crds/custom-resource.ts';
import { API_GROUP, API_VERSION_NAME } from '@sluice/crds/group.ts';
import type { StructuralSchema } from '@sluice/crds/structural-schema.ts';
import { isObject, type JsonObject } from '../../runtime/memory/fields.ts';
import type { ServedKind } from '../../runtime/memory/served-kind.ts';
import type { RuleCheck } from './rules.ts';
import { schemaFaults, unknownFields } from './schema-faults.ts';

const PARTS = ['spec', 'status'] as const;

/**
 * A kind of @sluice/crds as a store keeps it: defaults and pruning from its zod schemas; refusals from the schema and
 * the rules of its CustomResourceDefinition, which are made from them.
 */
export function servedCustomKind(resource: CustomResource, check: RuleCheck): ServedKind {
  const { metadata: _ofServer, ...properties } = objectSchema(resource).properties ?? {};
  const schema: StructuralSchema = { ...objectSchema(resource), properties };
  return {
    group: API_GROUP,
    version: API_VERSION_NAME,
    kind: resource.names.kind,
    plural: resource.names.plural,
    namespaced: true,
    shortNames: resource.names.shortNames,
    columns: resource.columns,
    hasStatus: true,
    complete: (object) => complete(resource, object),
    refuse: (object, before) => {
      const faults = schemaFaults(schema, '', object);
      return faults.length > 0 ? faults : check(schema, '', object, before ?? undefined);
    },
    unknownFields: ({ metadata: _known, ...object }) => unknownFields(schema, '', object),
  };
}

/** Parts that the schema cannot read stay as they are: `refuse` says what is wrong with them. */
function complete(resource: CustomResource, object: JsonObject): JsonObject {
  const { apiVersion, kind, metadata } = object;
  const parts = PARTS.flatMap((part) => {
    if (object[part] === undefined) return [];
    const parsed = isObject(object[part]) ? resource[part].safeParse(object[part]) : null;
    return [[part, parsed?.success ? parsed.data : object[part]]];
  });
  return { apiVersion, kind, metadata, ...Object.fromEntries(parts) };
}
