import { API_VERSION, type Channel, type Rung, STREAM_SESSION_NAMES, type StreamSession } from '@sluice/crds';
import { CHANNEL_LABEL, MANAGED_BY } from '../../labels.ts';

/** The StreamSession that transcodes for a channel. */
export function buildSession(channel: Channel, name: string, rungs: readonly Rung[]): StreamSession {
  const { transcode } = channel.spec;
  return {
    apiVersion: API_VERSION,
    kind: STREAM_SESSION_NAMES.kind,
    metadata: {
      name,
      namespace: channel.metadata.namespace ?? 'default',
      labels: { ...MANAGED_BY, [CHANNEL_LABEL]: channel.metadata.name },
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: channel.kind,
          name: channel.metadata.name,
          uid: channel.metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      channelRef: { name: channel.metadata.name },
      kind: 'Transcode',
      priority: transcode.priority,
      rungs: rungs.map((rung) => ({ ...rung })),
      encoderPreference: transcode.encoderPreference,
      preset: transcode.preset,
      resources: transcode.resources,
      ...(transcode.nodeSelector === undefined ? {} : { nodeSelector: transcode.nodeSelector }),
      ...(transcode.tolerations === undefined ? {} : { tolerations: transcode.tolerations }),
      ...(transcode.gpu === undefined ? {} : { gpu: transcode.gpu }),
    },
  };
}
