import { z } from 'zod';
import { METADATA } from '../../runtime/memory/validation.ts';

/** The parts of Kubernetes' objects that this mode reads, with Kubernetes' own defaults (core/v1, apps/v1). */

const texts = z.record(z.string(), z.string()).default({});

/** A port by its number or by its name in the container. */
const portReference = z.union([z.int(), z.string()]);

/** A field that a process of this machine cannot have as a container has it: better refused than not heeded. */
const none = z.undefined('is not known where pods are processes of this machine: leave it out').optional();

const ONLY_HTTP = 'only probes by httpGet are known here';
const probeSchema = z.object({
  httpGet: z.object(
    {
      path: z.string().default('/'),
      port: portReference,
      host: none,
      httpHeaders: none,
      scheme: z.literal('HTTP').default('HTTP'),
    },
    ONLY_HTTP,
  ),
  initialDelaySeconds: z.int().min(0).default(0),
  periodSeconds: z.int().min(1).default(10),
  timeoutSeconds: z.int().min(1).default(1),
  failureThreshold: z.int().min(1).default(3),
});
/** A probe of a container, as far as a process of this machine can be probed. */
export type Probe = z.infer<typeof probeSchema>;

const variableSchema = z.object({
  name: z.string(),
  value: z.string().default(''),
  valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.string() }) }).optional(),
});
/** An environment variable of a container. */
export type Variable = z.infer<typeof variableSchema>;

const execSchema = z.object({ command: z.array(z.string()).min(1) }, 'only hooks by exec are known here');
const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  workingDir: none,
  env: z.array(variableSchema).default([]),
  envFrom: none,
  ports: z.array(z.object({ name: z.string().default(''), containerPort: z.int() })).default([]),
  volumeMounts: z
    .array(z.object({ name: z.string(), mountPath: z.string(), subPath: none, subPathExpr: none }))
    .default([]),
  startupProbe: probeSchema.optional(),
  livenessProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
  lifecycle: z.object({ postStart: none, preStop: z.object({ exec: execSchema }).optional() }).default({}),
  resources: z.object({ limits: z.record(z.string(), z.union([z.string(), z.number()])).default({}) }).prefault({}),
  terminationMessagePolicy: z.enum(['File', 'FallbackToLogsOnError']).default('File'),
});
/** A container as a process of this machine can run it. */
export type Container = z.infer<typeof containerSchema>;

/** Volumes are folders by their names (RFC 1123 label, as Kubernetes has it). */
const VOLUME_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VOLUME_NAME_RULE = 'must be lower-case letters, digits and dashes, with a letter or digit at both ends';
const ONLY_SIDECARS = 'only init containers with restartPolicy Always (native sidecars, KEP-753) are known here';
/** The specification of a pod; security, CPU and memory, affinity have no meaning here. */
const podSpecSchema = z.object({
  nodeSelector: texts,
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
  terminationGracePeriodSeconds: z.number().min(0).default(30),
  initContainers: z.array(containerSchema.extend({ restartPolicy: z.literal('Always', ONLY_SIDECARS) })).default([]),
  containers: z.array(containerSchema).min(1),
  volumes: z
    .array(
      z
        .object({
          name: z.string().regex(VOLUME_NAME, VOLUME_NAME_RULE),
          emptyDir: z.object({}).optional(),
          secret: z.object({ secretName: z.string(), optional: z.boolean().default(false) }).optional(),
        })
        .refine(
          ({ emptyDir, secret }) => (emptyDir ?? secret) !== undefined,
          'only emptyDir and secret are known here',
        ),
    )
    .default([]),
});

const metadataSchema = METADATA.extend({
  namespace: z.string(),
  uid: z.string(),
  generation: z.int().default(1),
  labels: texts,
  creationTimestamp: z.string().default(''),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  ownerReferences: z.array(z.object({ uid: z.string() })).default([]),
});

const conditionSchema = z.object({ type: z.string(), status: z.string() });
const podStatusSchema = z.object({
  phase: z.string().default('Pending'),
  podIP: z.string().default(''),
  conditions: z.array(conditionSchema).default([]),
});

const deploymentSpecSchema = z.object({
  replicas: z.int().min(0).default(1),
  strategy: z.object({ type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate') }).prefault({}),
  template: z.object({
    metadata: z.object({ labels: texts, annotations: texts }),
    // Pods that end would be replaced at once, for ever.
    spec: podSpecSchema.extend({ restartPolicy: z.literal('Always').default('Always') }).loose(),
  }),
});

const serviceSpecSchema = z.object({
  selector: texts,
  ports: z
    .array(z.object({ name: z.string().default(''), port: z.int(), targetPort: portReference.optional() }))
    .min(1),
});

function kind<S extends z.ZodType, R extends z.ZodRawShape>(group: string, name: string, spec: S, more: R) {
  const schema = z.object({ metadata: metadataSchema, spec, ...more });
  const parse = (raw: unknown) => schema.parse(raw);
  return { group, version: 'v1', kind: name, plural: `${name.toLowerCase()}s`, namespaced: true, schema, parse };
}

/** `pods`, as kubelet and controllers read them. */
export const LOCAL_POD = kind('', 'Pod', podSpecSchema, { status: podStatusSchema.prefault({}) });
/** A Pod that has been found to run without Kubernetes. */
export type LocalPod = ReturnType<typeof LOCAL_POD.parse>;

/** `deployments` */
export const DEPLOYMENT = kind('apps', 'Deployment', deploymentSpecSchema, {});
/** A Deployment that has been found to run without Kubernetes. */
export type LocalDeployment = ReturnType<typeof DEPLOYMENT.parse>;

/** `services` */
export const SERVICE = kind('', 'Service', serviceSpecSchema, {});
/** A Service that has been found to work without Kubernetes. */
export type LocalService = ReturnType<typeof SERVICE.parse>;

/** Whether a pod takes requests, by its Ready condition. */
export function isReady({ metadata, status }: LocalPod): boolean {
  const isTrue = status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return isTrue && metadata.deletionTimestamp === undefined;
}

/** Whether all containers of a pod have ended for good. */
export function isEnded({ status }: LocalPod): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

/** The number of a port that a probe or Service names; null for a name that no container of these has. */
export function portNumber(containers: readonly Container[], port: string | number): number | null {
  if (typeof port === 'number') return port;
  const ports = containers.flatMap((container) => container.ports);
  return ports.find(({ name }) => name === port)?.containerPort ?? null;
}
