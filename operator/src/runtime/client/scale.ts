import { z } from 'zod';
import type { KubernetesObject, ObjectName } from './client.ts';

/** The part of autoscaling/v1 Scale that is read: how many pods an object asks for, and whose scale it is. */
export interface Scale {
  /** Of the object that is scaled, its uid among them. */
  readonly metadata: KubernetesObject['metadata'];
  /** Pods that it asks for, 0 or more. */
  readonly replicas: number;
}

const scaleSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().optional(), uid: z.string().optional() }),
  // Left out where it is 0 (autoscaling/v1, ScaleSpec).
  spec: z.object({ replicas: z.int().min(0).default(0) }).default({ replicas: 0 }),
});

/** Reads an answer of the scale subresource. @throws ZodError for anything else */
export function readScale(raw: unknown): Scale {
  const { metadata, spec } = scaleSchema.parse(raw);
  return { metadata, replicas: spec.replicas };
}

/** What is applied to the scale subresource of the object of this name. */
export function scaleBody(name: ObjectName, replicas: number): object {
  return { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: name, spec: { replicas } };
}
