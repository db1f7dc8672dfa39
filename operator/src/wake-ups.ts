import { type Caches, sessionsOf } from './caches.ts';
import { CHANNEL_LABEL } from './labels.ts';
import { keyOf } from './runtime/client/client.ts';

/** Who is told of changes in the caches. */
export interface WakeUps {
  /** The Channel of this key, or something that it depends on, has changed. */
  readonly channel: (key: string) => void;
  /** The StreamSession of this key, or a pod of it, has changed. */
  readonly session: (key: string) => void;
  /** Edges have come, gone, or changed their readiness. */
  readonly edges: () => void;
}

/** Says for each change in a cache who has to look again. */
export function wakeOnChanges({ channels, sessions, pods, slices }: Caches, wake: WakeUps): void {
  channels.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object !== null) wake.channel(keyOf(object.metadata));
  });
  sessions.onChange(({ before, after }) => {
    const object = after ?? before;
    if (object === null) return;
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
  slices.onChange(wake.edges);
}
