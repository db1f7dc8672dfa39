import type { z } from 'zod';
import type { ResourceType } from '../../runtime/client/client.ts';
import { isObject, type JsonObject } from '../../runtime/memory/fields.ts';
import type { FieldFault, ServedKind } from '../../runtime/memory/served-kind.ts';
import { AGE_COLUMN } from '../../runtime/memory/table.ts';
import {
  DEPLOYMENT,
  deploymentSpecSchema,
  LOCAL_POD,
  type LocalPod,
  podSpecSchema,
  SERVICE,
  serviceSpecSchema,
} from './shapes.ts';

/** The time of grace of a pod that names none (PodSpec, terminationGracePeriodSeconds). */
const GRACE_SECONDS = 30;

/** A kind of Kubernetes without any ways of its own. */
function kind(group: string, version: string, name: string, plural: string, shortNames: readonly string[] = []) {
  return { group, version, kind: name, plural, namespaced: true, shortNames } satisfies ServedKind;
}

/** A kind whose specification is read by a schema, which refuses what nobody here could work on. */
function readKind(type: ResourceType<never>, schema: z.ZodType, more: Partial<ServedKind>): ServedKind {
  const { parse: _parse, ...names } = type;
  return { ...names, hasStatus: true, refuse: ({ spec }) => specFaults(schema, spec), ...more };
}

function specFaults(schema: z.ZodType, spec: unknown): readonly FieldFault[] {
  const issues = schema.safeParse(spec).error?.issues ?? [];
  return issues.map(({ path, message }) => {
    const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
    return { path: `spec${keys.join('')}`, message };
  });
}

const pods = readKind(LOCAL_POD as ResourceType<never>, podSpecSchema, {
  shortNames: ['po'],
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.phase', description: 'Phase of its life.' },
    { name: 'IP', type: 'string', jsonPath: '.status.podIP', description: 'Its address on this machine.' },
    AGE_COLUMN,
  ],
  complete: (object) => {
    const spec = { restartPolicy: 'Always', terminationGracePeriodSeconds: GRACE_SECONDS, ...objectAt(object, 'spec') };
    return { ...object, spec, status: { phase: 'Pending', ...objectAt(object, 'status') } };
  },
  graceSeconds: (object) => {
    const { spec, status } = object as unknown as Pick<LocalPod, 'spec' | 'status'>;
    // The kubelet has nothing left to end, and nobody waits for its word (registry/core/pod, CheckGracefulDelete).
    return ['Succeeded', 'Failed'].includes(status.phase) ? 0 : spec.terminationGracePeriodSeconds;
  },
});

const deployments = readKind(DEPLOYMENT as ResourceType<never>, deploymentSpecSchema, {
  shortNames: ['deploy'],
  complete: (object) => ({ ...object, spec: { replicas: 1, ...objectAt(object, 'spec') } }),
});

const services = readKind(SERVICE as ResourceType<never>, serviceSpecSchema, { shortNames: ['svc'] });

const secrets: ServedKind = {
  ...kind('', 'v1', 'Secret', 'secrets'),
  complete: ({ stringData, ...object }) => {
    const encoded = Object.entries(isObject(stringData) ? stringData : {}).map(([key, value]) => [
      key,
      Buffer.from(String(value)).toString('base64'),
    ]);
    return { type: 'Opaque', ...object, data: { ...objectAt(object, 'data'), ...Object.fromEntries(encoded) } };
  },
};

/** Kubernetes' own kinds, as far as Sluice and its examples use them, with the defaults that somebody here reads. */
export const CORE_KINDS: readonly ServedKind[] = [
  { ...kind('', 'v1', 'Namespace', 'namespaces', ['ns']), namespaced: false, hasStatus: true },
  pods,
  services,
  secrets,
  kind('', 'v1', 'ConfigMap', 'configmaps', ['cm']),
  kind('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  deployments,
  kind('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  kind('events.k8s.io', 'v1', 'Event', 'events'),
  kind('coordination.k8s.io', 'v1', 'Lease', 'leases'),
];

function objectAt(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isObject(value) ? value : {};
}
