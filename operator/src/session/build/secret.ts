import type { StreamSession } from '@sluice/crds';
import { CHANNEL_LABEL, MANAGED_BY, SESSION_LABEL } from '../../labels.ts';
import type { ApplyConfiguration } from '../../runtime/client/client.ts';
import { ownedBy } from './pod.ts';

/** The Secret with the token by which the session's pods prove themselves to the owner of the channel. */
export function buildSecret(session: StreamSession, token: string): ApplyConfiguration {
  const { name, namespace = 'default' } = session.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { ...MANAGED_BY, [CHANNEL_LABEL]: session.spec.channelRef.name, [SESSION_LABEL]: name },
      ...ownedBy(session),
    },
    type: 'Opaque',
    data: { token: Buffer.from(token).toString('base64') },
  } as ApplyConfiguration;
}
