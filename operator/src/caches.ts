import type { Channel, StreamSession } from '@sluice/crds';
import { SESSIONS_BY_CHANNEL } from './channel/gather.ts';
import { CHANNEL, ENDPOINT_SLICE, NAMESPACE, type Namespace, POD, type Pod, STREAM_SESSION } from './kinds.ts';
import { MANAGED_SELECTOR, SESSION_LABEL } from './labels.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from './link/endpoints.ts';
import { createReflector, type Reflector } from './runtime/cache/reflector.ts';
import { type Client, keyOf } from './runtime/client/client.ts';
import { type Clock, MONOTONIC_CLOCK } from './runtime/queue/clock.ts';
import { PODS_BY_SESSION } from './session/controller.ts';

/** Index of Channels by `namespace/name` of the Secret with their source's headers. */
export const CHANNELS_BY_SECRET = 'secret';

/** Everything that the operator watches. */
export interface Caches {
  readonly channels: Reflector<Channel>;
  readonly sessions: Reflector<StreamSession>;
  /** Pods of StreamSessions only. */
  readonly pods: Reflector<Pod>;
  /** Their annotations say who owns the Channels in them. */
  readonly namespaces: Reflector<Namespace>;
  /** Of the edges' Service only. */
  readonly slices: Reflector<EndpointSlice>;
  /** Starts all; resolves when each has its first list. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** When each was last heard, in ms since the epoch, by plural; 0: never. */
  heardAtMs(): Readonly<Record<string, number>>;
}

/** Which edges to watch. */
export interface EdgeService {
  readonly namespace: string;
  readonly name: string;
}

/** Makes the caches; nothing is read before `start`. */
export function createCaches(
  client: Client,
  edges: EdgeService,
  onTrouble: (message: string) => void,
  clock: Clock = MONOTONIC_CLOCK,
): Caches {
  const channels = createReflector({
    client,
    type: CHANNEL,
    indexes: { [CHANNELS_BY_SECRET]: headerSecrets },
    onTrouble,
    clock,
  });
  const sessions = createReflector({
    client,
    type: STREAM_SESSION,
    indexes: { [SESSIONS_BY_CHANNEL]: ({ metadata, spec }) => [keyOf({ ...metadata, name: spec.channelRef.name })] },
    onTrouble,
    clock,
  });
  const pods = createReflector({
    client,
    type: POD,
    selection: { labelSelector: `${MANAGED_SELECTOR},${SESSION_LABEL}` },
    indexes: { [PODS_BY_SESSION]: sessionsOf },
    onTrouble,
    clock,
  });
  const slices = createReflector({
    client,
    type: ENDPOINT_SLICE,
    selection: { namespace: edges.namespace, labelSelector: `${SERVICE_NAME_LABEL}=${edges.name}` },
    onTrouble,
    clock,
  });
  const namespaces = createReflector({ client, type: NAMESPACE, onTrouble, clock });
  const all = [channels, sessions, pods, namespaces, slices];
  return {
    channels,
    sessions,
    pods,
    namespaces,
    slices,
    async start() {
      for (const reflector of all) reflector.start();
      await Promise.all(all.map(({ synced }) => synced));
    },
    async stop() {
      await Promise.all(all.map((reflector) => reflector.stop()));
    },
    heardAtMs: () => ({
      channels: channels.lastHeardAt,
      streamsessions: sessions.lastHeardAt,
      pods: pods.lastHeardAt,
      namespaces: namespaces.lastHeardAt,
      endpointslices: slices.lastHeardAt,
    }),
  };
}

function headerSecrets({ metadata, spec }: Channel): readonly string[] {
  const name = spec.source.headersFrom?.secretRef.name;
  return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
}

/** `namespace/name` of the session that a pod works for. */
export function sessionsOf({ metadata }: Pod): readonly string[] {
  const name = metadata.labels?.[SESSION_LABEL];
  return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
}
