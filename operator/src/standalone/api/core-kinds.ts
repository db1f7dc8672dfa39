import { isObject, type JsonObject } from '../../runtime/memory/fields.ts';
import type { FieldFault, ServedKind, TableColumn } from '../../runtime/memory/served-kind.ts';

/** The time of grace of a pod that names none (PodSpec, terminationGracePeriodSeconds). */
const GRACE_SECONDS = 30;

function kind(group: string, version: string, name: string, plural: string, more: Partial<ServedKind> = {}) {
  return { group, version, kind: name, plural, namespaced: true, ...more } satisfies ServedKind;
}

const AGE: TableColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was made.',
};

function column(name: string, jsonPath: string, description: string): TableColumn {
  return { name, type: 'string', jsonPath, description };
}

const pod = kind('', 'v1', 'Pod', 'pods', {
  shortNames: ['po'],
  columns: [
    column('Ready', '.status.conditions[?(@.type=="Ready")].status', 'Whether it takes requests.'),
    column('Status', '.status.phase', 'Phase of its life.'),
    column('IP', '.status.podIP', 'Its address on this machine.'),
    AGE,
  ],
  hasStatus: true,
  complete: (object) => {
    const spec = { restartPolicy: 'Always', terminationGracePeriodSeconds: GRACE_SECONDS, ...objectAt(object, 'spec') };
    return { ...object, spec, status: { phase: 'Pending', ...objectAt(object, 'status') } };
  },
  refuse: (object) => requireList(object, 'spec', 'containers'),
  graceSeconds: (object) => {
    const { phase } = objectAt(object, 'status');
    const { terminationGracePeriodSeconds } = objectAt(object, 'spec');
    // The kubelet has nothing left to end, and nobody waits for its word (registry/core/pod, CheckGracefulDelete).
    return phase === 'Succeeded' || phase === 'Failed' ? 0 : Number(terminationGracePeriodSeconds ?? GRACE_SECONDS);
  },
});

const deployment = kind('apps', 'v1', 'Deployment', 'deployments', {
  shortNames: ['deploy'],
  columns: [
    column('Wanted', '.spec.replicas', 'Number of pods that it shall have.'),
    column('Ready', '.status.readyReplicas', 'Number of pods that take requests.'),
    AGE,
  ],
  hasStatus: true,
  complete: (object) => ({ ...object, spec: { replicas: 1, ...objectAt(object, 'spec') } }),
  refuse: refuseDeployment,
});

const service = kind('', 'v1', 'Service', 'services', {
  shortNames: ['svc'],
  columns: [column('Cluster-IP', '.spec.clusterIP', 'Its address on this machine.'), AGE],
  hasStatus: true,
  refuse: (object) => requireList(object, 'spec', 'ports'),
});

const secret = kind('', 'v1', 'Secret', 'secrets', {
  complete: ({ stringData, ...object }) => {
    const encoded = Object.entries(isObject(stringData) ? stringData : {}).map(([key, value]) => [
      key,
      Buffer.from(String(value)).toString('base64'),
    ]);
    return { type: 'Opaque', ...object, data: { ...objectAt(object, 'data'), ...Object.fromEntries(encoded) } };
  },
});

/** Kubernetes' own kinds, as far as Sluice and its examples use them, with the defaults that somebody here reads. */
export const CORE_KINDS: readonly ServedKind[] = [
  kind('', 'v1', 'Namespace', 'namespaces', { namespaced: false, shortNames: ['ns'], hasStatus: true }),
  pod,
  service,
  secret,
  kind('', 'v1', 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  kind('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  deployment,
  kind('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  kind('events.k8s.io', 'v1', 'Event', 'events'),
  kind('coordination.k8s.io', 'v1', 'Lease', 'leases'),
];

function refuseDeployment(object: JsonObject): readonly FieldFault[] {
  const spec = objectAt(object, 'spec');
  const { matchLabels } = objectAt(spec, 'selector');
  if (!isObject(matchLabels) || Object.keys(matchLabels).length === 0) {
    const message = 'Required value: the labels by which the Deployment knows its pods';
    return [{ path: 'spec.selector.matchLabels', message }];
  }
  const template = objectAt(spec, 'template');
  const labels = objectAt(objectAt(template, 'metadata'), 'labels');
  if (Object.entries(matchLabels).some(([key, value]) => labels[key] !== value)) {
    const message = 'Invalid value: `selector` does not match template `labels`';
    return [{ path: 'spec.template.metadata.labels', message }];
  }
  if (!Number.isInteger(spec.replicas) || Number(spec.replicas) < 0) {
    return [{ path: 'spec.replicas', message: 'Invalid value: must be a whole number that is not negative' }];
  }
  return requireList(template, 'spec', 'containers', 'spec.template.');
}

function requireList(object: JsonObject, part: string, field: string, prefix = ''): readonly FieldFault[] {
  const list = objectAt(object, part)[field];
  if (Array.isArray(list) && list.length > 0) return [];
  return [{ path: `${prefix}${part}.${field}`, message: 'Required value: a list of at least one' }];
}

function objectAt(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  return isObject(value) ? value : {};
}
