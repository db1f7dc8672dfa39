import { z } from 'zod';
import type { ResourceType } from '../../runtime/client/client.ts';

/** The parts of Kubernetes' objects that this mode reads, with Kubernetes' own defaults (core/v1, apps/v1). */

const texts = z.record(z.string(), z.string()).default({});

/** A port by its number or by its name in the container. */
const portReference = z.union([z.int(), z.string()]);

/** One thing to do at a moment of a container's life: a probe's question, preStop, postStart. */
const deedFields = z.object({
  httpGet: z.object({ path: z.string().default('/'), port: portReference }).optional(),
  tcpSocket: z.object({ port: portReference }).optional(),
  exec: z.object({ command: z.array(z.string()).min(1) }).optional(),
});
export type Deed = z.infer<typeof deedFields>;

const isKnownDeed = ({ httpGet, tcpSocket, exec }: Deed) => (httpGet ?? tcpSocket ?? exec) !== undefined;
const KNOWN_DEEDS = 'use httpGet, tcpSocket or exec: probes and hooks of other kinds are not known here';
const deedSchema = deedFields.refine(isKnownDeed, KNOWN_DEEDS);
const probeSchema = deedFields
  .extend({
    initialDelaySeconds: z.int().min(0).default(0),
    periodSeconds: z.int().min(1).default(10),
    timeoutSeconds: z.int().min(1).default(1),
    successThreshold: z.int().min(1).default(1),
    failureThreshold: z.int().min(1).default(3),
  })
  .refine(isKnownDeed, KNOWN_DEEDS);
export type Probe = z.infer<typeof probeSchema>;

const variableSchema = z.object({
  name: z.string(),
  value: z.string().default(''),
  valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.string() }) }).optional(),
});
export type Variable = z.infer<typeof variableSchema>;

const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z.array(variableSchema).default([]),
  ports: z.array(z.object({ name: z.string().default(''), containerPort: z.int() })).default([]),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
  /** Only init containers have it: `Always` makes a native sidecar (KEP-753). */
  restartPolicy: z.literal('Always').optional(),
  startupProbe: probeSchema.optional(),
  livenessProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
  lifecycle: z.object({ postStart: deedSchema.optional(), preStop: deedSchema.optional() }).default({}),
  resources: z.object({ limits: z.record(z.string(), z.union([z.string(), z.number()])).default({}) }).prefault({}),
  terminationMessagePolicy: z.enum(['File', 'FallbackToLogsOnError']).default('File'),
});
export type Container = z.infer<typeof containerSchema>;

/** The specification of a pod; security, CPU and memory, affinity have no meaning here. */
export const podSpecSchema = z.object({
  nodeSelector: texts,
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
  terminationGracePeriodSeconds: z.number().min(0).default(30),
  initContainers: z.array(containerSchema).default([]),
  containers: z.array(containerSchema).min(1),
  volumes: z
    .array(
      z.object({
        name: z.string(),
        emptyDir: z.object({}).optional(),
        secret: z.object({ secretName: z.string(), optional: z.boolean().default(false) }).optional(),
      }),
    )
    .default([]),
});

const metadataSchema = z.object({ name: z.string(), namespace: z.string(), uid: z.string() });

const podSchema = z.object({
  metadata: metadataSchema.extend({
    labels: texts,
    creationTimestamp: z.string().default(''),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
    ownerReferences: z.array(z.object({ uid: z.string() })).default([]),
  }),
  spec: podSpecSchema,
  status: z
    .object({
      phase: z.string().default('Pending'),
      podIP: z.string().default(''),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string().default('') }))
        .default([]),
    })
    .prefault({}),
});
export type LocalPod = z.infer<typeof podSchema>;

/** `pods`, as kubelet and controllers read them. */
export const LOCAL_POD: ResourceType<LocalPod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  parse: (raw) => podSchema.parse(raw),
};

/** The template's own specification is the pods' to judge. */
const deploymentSpec = z.object({
  replicas: z.int().min(0).default(1),
  strategy: z.object({ type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate') }).prefault({}),
  selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
  template: z.object({
    metadata: z.object({ labels: texts, annotations: texts }),
    spec: z.looseObject({ containers: z.array(z.unknown()).min(1) }),
  }),
});
/** The same, refused if it could never know its own pods. */
export const deploymentSpecSchema = deploymentSpec.refine(
  ({ selector, template }) =>
    Object.keys(selector.matchLabels).length > 0 &&
    Object.entries(selector.matchLabels).every(([key, value]) => template.metadata.labels[key] === value),
  { path: ['selector', 'matchLabels'], message: 'must have labels that are those of the template, to know its pods' },
);
const deploymentSchema = z.object({
  metadata: metadataSchema.extend({ generation: z.int() }),
  spec: deploymentSpecSchema,
});
export type LocalDeployment = z.infer<typeof deploymentSchema>;

/** `deployments` */
export const DEPLOYMENT: ResourceType<LocalDeployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  parse: (raw) => deploymentSchema.parse(raw),
};

/** The specification of a Service. */
export const serviceSpecSchema = z.object({
  clusterIP: z.string().default(''),
  selector: texts,
  ports: z
    .array(z.object({ name: z.string().default(''), port: z.int(), targetPort: portReference.optional() }))
    .min(1),
});
const serviceSchema = z.object({ metadata: metadataSchema, spec: serviceSpecSchema });
export type LocalService = z.infer<typeof serviceSchema>;

/** `services` */
export const SERVICE: ResourceType<LocalService> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  parse: (raw) => serviceSchema.parse(raw),
};

/** Whether a pod takes requests, by its Ready condition. */
export function isReady({ metadata, status }: LocalPod): boolean {
  const isTrue = status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return isTrue && metadata.deletionTimestamp === undefined;
}

/** Whether all containers of a pod have ended for good. */
export function isEnded({ status }: LocalPod): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

/** The number of a port that a probe, hook or Service names; null for a name that no container of these has. */
export function portNumber(containers: readonly Container[], port: string | number): number | null {
  if (typeof port === 'number') return port;
  const ports = containers.flatMap((container) => container.ports);
  return ports.find(({ name }) => name === port)?.containerPort ?? null;
}
