import { z } from 'zod';

/** The part of discovery.k8s.io/v1 EndpointSlice that says which edges there are. */
export const endpointSliceSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    // Without these two the cache cannot tell an update from what it has.
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  ports: z
    .array(z.object({ name: z.string().optional(), port: z.int().optional() }))
    .nullish()
    .transform((ports) => ports ?? []),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        conditions: z.object({ ready: z.boolean().optional(), terminating: z.boolean().optional() }).optional(),
        targetRef: z.object({ kind: z.string().optional(), name: z.string(), uid: z.string() }).optional(),
      }),
    )
    .nullish()
    .transform((endpoints) => endpoints ?? []),
});
/** See {@link endpointSliceSchema}. */
export type EndpointSlice = z.infer<typeof endpointSliceSchema>;

/** Label by which EndpointSlices belong to a Service (KEP-752). */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** One edge pod as the operator reaches it. */
export interface EdgeEndpoint {
  readonly podName: string;
  readonly podUid: string;
  /** `host:port` of the internal HTTP port, as other edges and agents use it. */
  readonly internalAddress: string;
  /** `host:port` of the link. */
  readonly linkAddress: string;
  /** Whether the Service sends viewers to it. */
  readonly ready: boolean;
  readonly terminating: boolean;
}

/**
 * The edges behind a Service, ordered by pod name, one entry per pod: an endpoint may stand in two slices while it
 * moves, and a dual-stack Service has a slice per address family. Endpoints without a pod or a port are left out.
 */
export function edgesOf(slices: readonly EndpointSlice[]): readonly EdgeEndpoint[] {
  const edges = new Map<string, EdgeEndpoint>();
  for (const slice of [...slices].sort((one, other) => compare(one.metadata.name, other.metadata.name))) {
    const internal = slice.ports.find(({ name }) => name === 'internal')?.port;
    const link = slice.ports.find(({ name }) => name === 'link')?.port;
    if (internal === undefined || link === undefined) continue;
    for (const { addresses, conditions, targetRef } of slice.endpoints) {
      const address = addresses[0];
      if (address === undefined || targetRef === undefined) continue;
      const host = address.includes(':') ? `[${address}]` : address;
      const ready = conditions?.ready ?? true; // absent means ready, by the API's definition
      const known = edges.get(targetRef.uid);
      if (known !== undefined && (known.ready || !ready)) continue;
      edges.set(targetRef.uid, {
        podName: targetRef.name,
        podUid: targetRef.uid,
        internalAddress: `${host}:${internal}`,
        linkAddress: `${host}:${link}`,
        ready,
        terminating: conditions?.terminating ?? false,
      });
    }
  }
  return [...edges.values()].sort((one, other) => compare(one.podName, other.podName));
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
