import { z } from 'zod';
import type { ApplyConfiguration, ObjectName, ResourceType } from '../client/client.ts';

const leaseSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string(),
    resourceVersion: z.string(),
    creationTimestamp: z.iso.datetime({ offset: true }),
  }),
  spec: z
    .object({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.int().positive().nullish(),
      leaseTransitions: z.int().nonnegative().nullish(),
      acquireTime: z.string().nullish(),
    })
    .nullish(),
});

/** A Lease as an elector reads it (coordination.k8s.io/v1). */
export type Lease = z.infer<typeof leaseSchema>;

/** `leases.coordination.k8s.io` */
export const LEASE: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  parse: (raw) => leaseSchema.parse(raw),
};

/** Who holds a lease; empty: nobody, or it was released. */
export function holderOf(lease: Lease): string {
  return lease.spec?.holderIdentity ?? '';
}

/**
 * A number that is higher for every later leader, for those who must refuse an earlier one: when the Lease was made, in
 * seconds since the epoch by the API server's clock, and how often it has changed hands since. Unlike the transitions
 * alone it also grows over a Lease that was deleted and made anew.
 */
export function termOf(lease: Lease): number {
  return Math.floor(Date.parse(lease.metadata.creationTimestamp) / 1000) + (lease.spec?.leaseTransitions ?? 0);
}

/** What a holder writes into its Lease. */
export interface LeaseRecord {
  /** Empty: it is released. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly leaseTransitions: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime: string;
  readonly renewTime: string;
}

/**
 * The Lease to send; with the version of the one that it replaces, so that of two who write at the same time one gets
 * `Conflict`.
 * @param over null: there is none yet
 */
export function leaseObject(name: ObjectName, record: LeaseRecord, over: Lease | null): ApplyConfiguration {
  const { uid, resourceVersion } = over?.metadata ?? {};
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: over === null ? { ...name } : { ...name, uid, resourceVersion },
    spec: record,
  };
  return object;
}

/** RFC 3339 with six digits of a second, as metav1.MicroTime wants it. @param milliseconds since the epoch */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
