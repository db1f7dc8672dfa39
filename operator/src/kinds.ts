import {
  API_GROUP,
  API_VERSION_NAME,
  CHANNEL_NAMES,
  type Channel,
  channelSchema,
  channelStatusSchema,
  STREAM_SESSION_NAMES,
  type StreamSession,
  streamSessionSchema,
  streamSessionStatusSchema,
} from '@sluice/crds';
import { z } from 'zod';
import { type EndpointSlice, endpointSliceSchema } from './link/endpoints.ts';
import type { KubernetesObject, ResourceType } from './runtime/client/client.ts';

/**
 * The kinds that the operator reads or writes, each with the part of it that it understands. A status is this
 * program's own work: one that cannot be read (by another version) is taken for none and written again.
 */

const readableChannelStatus = channelStatusSchema.optional().catch(undefined);
const readableChannel = channelSchema.extend({ status: readableChannelStatus });
const readableSessionStatus = streamSessionStatusSchema.optional().catch(undefined);
const readableSession = streamSessionSchema.extend({ status: readableSessionStatus });

/** `channels.sluice.dev` */
export const CHANNEL: ResourceType<Channel> = {
  group: API_GROUP,
  version: API_VERSION_NAME,
  kind: CHANNEL_NAMES.kind,
  plural: CHANNEL_NAMES.plural,
  namespaced: true,
  parse: (raw) => readableChannel.parse(raw),
  parseStatus: (raw) => readableChannelStatus.parse(raw),
};

/** `streamsessions.sluice.dev` */
export const STREAM_SESSION: ResourceType<StreamSession> = {
  group: API_GROUP,
  version: API_VERSION_NAME,
  kind: STREAM_SESSION_NAMES.kind,
  plural: STREAM_SESSION_NAMES.plural,
  namespaced: true,
  parse: (raw) => readableSession.parse(raw),
  parseStatus: (raw) => readableSessionStatus.parse(raw),
};

/** `endpointslices.discovery.k8s.io` */
export const ENDPOINT_SLICE: ResourceType<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  parse: (raw) => endpointSliceSchema.parse(raw),
};

const metadataSchema = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  ownerReferences: z
    .array(z.object({ uid: z.string(), kind: z.string().default(''), name: z.string().default('') }))
    .optional(),
});

const stateSchema = z.object({
  waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
  terminated: z
    .object({ exitCode: z.int(), reason: z.string().default(''), message: z.string().default('') })
    .optional(),
});

const podSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ nodeName: z.string().default('') }).prefault({}),
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: z.string().default(''),
      message: z.string().default(''),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().default(''),
            message: z.string().default(''),
          }),
        )
        .default([]),
      containerStatuses: z.array(z.object({ name: z.string(), state: stateSchema.default({}) })).default([]),
    })
    .prefault({}),
});
/** What the operator reads of a pod. */
export type Pod = z.infer<typeof podSchema>;

/** `pods` */
export const POD: ResourceType<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  parse: (raw) => podSchema.parse(raw),
};

const namespaceSchema = z.object({ metadata: metadataSchema });
/** What the operator reads of a namespace: the annotation with the owner of its Channels. */
export type Namespace = z.infer<typeof namespaceSchema>;

/** `namespaces` */
export const NAMESPACE: ResourceType<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  parse: (raw) => namespaceSchema.parse(raw),
};

const deploymentSchema = z.object({ metadata: metadataSchema });
/** What the operator reads of a Deployment: that it is there. How many pods it asks for stands in its scale. */
export type Deployment = KubernetesObject;

/** `deployments.apps` */
export const DEPLOYMENT: ResourceType<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  parse: (raw) => deploymentSchema.parse(raw),
};

const secretSchema = z.object({
  metadata: metadataSchema,
  data: z
    .record(z.string(), z.string())
    .default({})
    .transform((data) =>
      Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])),
    ),
});
/** A Secret with its data decoded as UTF-8. */
export type Secret = z.infer<typeof secretSchema>;

/** `secrets` */
export const SECRET: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  parse: (raw) => secretSchema.parse(raw),
};
