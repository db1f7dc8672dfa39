import { z } from 'zod';

/** The parts of Kubernetes' objects that the controllers of the standalone mode read. */

const labels = z.record(z.string(), z.string()).default({});

const podShape = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    labels,
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    ownerReferences: z.array(z.object({ uid: z.string() })).default([]),
  }),
  spec: z.object({
    containers: z.array(
      z.object({ ports: z.array(z.object({ name: z.string().optional(), containerPort: z.int() })).default([]) }),
    ),
    initContainers: z
      .array(
        z.object({ ports: z.array(z.object({ name: z.string().optional(), containerPort: z.int() })).default([]) }),
      )
      .default([]),
  }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      podIP: z.string().default(''),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
    })
    .prefault({}),
});
/** A pod as Deployments and Services look at it. */
export type PodShape = z.infer<typeof podShape>;

/** @throws ZodError for what is no pod */
export function readPod(raw: unknown): PodShape {
  return podShape.parse(raw);
}

const deploymentShape = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), uid: z.string(), generation: z.int() }),
  spec: z.object({
    replicas: z.int().min(0).default(1),
    strategy: z.object({ type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate') }).prefault({}),
    selector: z.object({ matchLabels: labels }),
    template: z.object({
      metadata: z.object({ labels, annotations: labels }),
      spec: z.record(z.string(), z.unknown()),
    }),
  }),
});
/** A Deployment as its controller looks at it. */
export type DeploymentShape = z.infer<typeof deploymentShape>;

/** @throws ZodError for what is no Deployment */
export function readDeployment(raw: unknown): DeploymentShape {
  return deploymentShape.parse(raw);
}

const serviceShape = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), uid: z.string() }),
  spec: z.object({
    selector: labels,
    ports: z.array(
      z.object({ name: z.string().default(''), port: z.int(), targetPort: z.union([z.int(), z.string()]).optional() }),
    ),
  }),
});
/** A Service as the controller of its EndpointSlice looks at it. */
export type ServiceShape = z.infer<typeof serviceShape>;

/** @throws ZodError for what is no Service */
export function readService(raw: unknown): ServiceShape {
  return serviceShape.parse(raw);
}

/** Whether a pod takes requests, by its Ready condition. */
export function isReady({ metadata, status }: PodShape): boolean {
  const isTrue = status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return isTrue && metadata.deletionTimestamp === undefined;
}

/** Whether labels have all that a selector names; an empty selector selects nothing. */
export function selects(selector: Readonly<Record<string, string>>, has: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => has[key] === value);
}
