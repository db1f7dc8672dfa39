import type { StreamSession } from '@sluice/crds';
import { type Caches, sessionsOf } from './caches.ts';
import { SESSIONS_BY_CHANNEL } from './channel/gather.ts';
import { CHANNEL_LABEL } from './labels.ts';
import { keyOf } from './runtime/client/client.ts';
import { annotated } from './session/admission/owner.ts';

/** Who is told of changes in the caches. */
export interface WakeUps {
  /** The Channel of this key, or something that it depends on, has changed. */
  readonly channel: (key: string) => void;
  /** The StreamSession of this key, or a pod of it, has changed. */
  readonly session: (key: string) => void;
  /** A StreamSession has changed, or what it belongs to names another owner. */
  readonly owner: (session: StreamSession) => void;
  /** The StreamSession with this uid is gone. */
  readonly sessionGone: (uid: string) => void;
  /** Edges have come, gone, or changed their readiness. */
  readonly edges: () => void;
}

/** Says for each change in a cache who has to look again. */
export function wakeOnChanges({ channels, sessions, pods, namespaces, slices }: Caches, wake: WakeUps): void {
  channels.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object === null) return;
    wake.channel(keyOf(object.metadata));
    if (before === null || annotated(before) === annotated(object)) return;
    for (const session of sessions.store.byIndex(SESSIONS_BY_CHANNEL, keyOf(object.metadata))) wake.owner(session);
  });
  sessions.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object === null) return;
    if (after === null) wake.sessionGone(object.metadata.uid ?? '');
    else wake.owner(after);
    wake.session(keyOf(object.metadata));
    wake.channel(keyOf({ ...object.metadata, name: object.spec.channelRef.name }));
  });
  pods.onChange(({ before, after }) => {
    const pod = after ?? before;
    if (pod === null) return;
    for (const key of sessionsOf(pod)) wake.session(key);
    const channel = pod.metadata.labels?.[CHANNEL_LABEL];
    if (after === null && channel !== undefined) wake.channel(keyOf({ ...pod.metadata, name: channel }));
  });
  namespaces.onChange(({ before, after }) => {
    if (after === null || annotated(before ?? undefined) === annotated(after)) return;
    const { name } = after.metadata;
    for (const session of sessions.store.list()) if (session.metadata.namespace === name) wake.owner(session);
  });
  slices.onChange(wake.edges);
}
