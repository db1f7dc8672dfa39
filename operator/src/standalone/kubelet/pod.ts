import { z } from 'zod';
import type { ResourceType } from '../../runtime/client/client.ts';

/** A port by its number or by its name in the container. */
const portReference = z.union([z.int(), z.string()]);

const httpGetSchema = z.object({ path: z.string().default('/'), port: portReference });
const execSchema = z.object({ command: z.array(z.string()).min(1) });

/** One thing to do at a moment of a container's life: preStop, postStart. */
const handlerSchema = z.object({
  httpGet: httpGetSchema.optional(),
  exec: execSchema.optional(),
  sleep: z.object({ seconds: z.int().min(0) }).optional(),
});
export type Handler = z.infer<typeof handlerSchema>;

/** Defaults are Kubernetes' own (core/v1 Probe). */
const probeSchema = z.object({
  httpGet: httpGetSchema.optional(),
  tcpSocket: z.object({ port: portReference }).optional(),
  exec: execSchema.optional(),
  initialDelaySeconds: z.int().min(0).default(0),
  periodSeconds: z.int().min(1).default(10),
  timeoutSeconds: z.int().min(1).default(1),
  successThreshold: z.int().min(1).default(1),
  failureThreshold: z.int().min(1).default(3),
});
export type Probe = z.infer<typeof probeSchema>;

const variableSchema = z.object({
  name: z.string(),
  value: z.string().default(''),
  valueFrom: z
    .object({
      fieldRef: z.object({ fieldPath: z.string() }).optional(),
      secretKeyRef: z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) }).optional(),
    })
    .optional(),
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
  lifecycle: z.object({ postStart: handlerSchema.optional(), preStop: handlerSchema.optional() }).default({}),
  resources: z.object({ limits: z.record(z.string(), z.union([z.string(), z.number()])).default({}) }).prefault({}),
  terminationMessagePolicy: z.enum(['File', 'FallbackToLogsOnError']).default('File'),
});
export type Container = z.infer<typeof containerSchema>;

const volumeSchema = z.object({
  name: z.string(),
  emptyDir: z.object({}).optional(),
  secret: z.object({ secretName: z.string(), optional: z.boolean().default(false) }).optional(),
});
export type Volume = z.infer<typeof volumeSchema>;

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
  }),
  spec: z.object({
    nodeSelector: z.record(z.string(), z.string()).default({}),
    restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
    terminationGracePeriodSeconds: z.number().min(0).default(30),
    initContainers: z.array(containerSchema).default([]),
    containers: z.array(containerSchema).min(1),
    volumes: z.array(volumeSchema).default([]),
  }),
});

/** What a kubelet of local processes reads of a pod; everything else (security, CPU and memory, affinity) has no meaning here. */
export type LocalPod = z.infer<typeof podSchema>;

/** `pods`, as the kubelet reads them. */
export const LOCAL_POD: ResourceType<LocalPod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  parse: (raw) => podSchema.parse(raw),
};

/** The number of a port that a probe or hook names; null for a name that the container does not have. */
export function portNumber(container: Container, port: string | number): number | null {
  if (typeof port === 'number') return port;
  return container.ports.find(({ name }) => name === port)?.containerPort ?? null;
}
