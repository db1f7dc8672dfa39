import type { Channel, StreamSession } from '@sluice/crds';
import { type Caches, sessionsOf } from './caches.ts';
import { SESSIONS_BY_CHANNEL } from './channel/gather.ts';
import { CHANNEL_LABEL } from './labels.ts';
import { sameJson } from './runtime/apply/json.ts';
import { onlyStatusChanged } from './runtime/cache/status-changes.ts';
import { keyOf } from './runtime/client/client.ts';
import type { Priority } from './runtime/queue/keyed-queue.ts';
import { annotated } from './session/admission/owner.ts';

/** Who is told of changes in the caches. */
export interface WakeUps {
  /** The Channel of this key, or something that it depends on, has changed. */
  readonly channel: (key: string, priority: Priority) => void;
  /** Nothing but the status of this Channel has changed. */
  readonly channelStatus: (channel: Channel) => void;
  /** The StreamSession of this key, or a pod of it, has changed. */
  readonly session: (key: string, priority: Priority) => void;
  /** Nothing but the status of this StreamSession has changed. */
  readonly sessionStatus: (session: StreamSession) => void;
  /** A StreamSession has changed, or what it belongs to names another owner. */
  readonly owner: (session: StreamSession) => void;
  /** The StreamSession with this uid is gone. */
  readonly sessionGone: (uid: string) => void;
  /** Edges have come, gone, or changed their readiness. */
  readonly edges: () => void;
}

/**
 * Says for each change in a cache who has to look again. The statuses of Channels and StreamSessions are the operator's
 * own words, which their controllers know before the cache does: the echo of a write wakes nobody but the Channel, of
 * what has become of its session. Of both their statuses is told, because somebody else may have written them.
 */
export function wakeOnChanges({ channels, sessions, pods, namespaces, slices }: Caches, wake: WakeUps): void {
  channels.onChange(({ before, after, initial }) => {
    const object = after ?? before;
    if (object === null) return;
    if (before !== null && after !== null && onlyStatusChanged(before, after)) {
      wake.channelStatus(after);
      return;
    }
    wake.channel(keyOf(object.metadata), priorityOf(initial));
    if (initial) return;
    const isOther = before?.metadata.uid !== after?.metadata.uid;
    for (const session of sessions.store.byIndex(SESSIONS_BY_CHANNEL, keyOf(object.metadata))) {
      if (isOther) wake.session(keyOf(session.metadata), 'background');
      if (annotated(before ?? undefined) !== annotated(object)) wake.owner(session);
    }
  });
  sessions.onChange(({ before, after, initial }) => {
    const object = after ?? before;
    if (object === null) return;
    const isEcho = before !== null && after !== null && onlyStatusChanged(before, after);
    if (isEcho) wake.sessionStatus(after);
    if (isEcho && sameJson(withoutProgress(before), withoutProgress(after))) return;
    if (after === null) wake.sessionGone(object.metadata.uid ?? '');
    else wake.owner(after);
    if (!isEcho) wake.session(keyOf(object.metadata), priorityOf(initial));
    wake.channel(keyOf({ ...object.metadata, name: object.spec.channelRef.name }), priorityOf(initial));
  });
  pods.onChange(({ before, after, initial }) => {
    const pod = after ?? before;
    if (pod === null) return;
    for (const key of sessionsOf(pod)) wake.session(key, priorityOf(initial));
    const channel = pod.metadata.labels?.[CHANNEL_LABEL];
    if (after === null && channel !== undefined) wake.channel(keyOf({ ...pod.metadata, name: channel }), 'normal');
  });
  namespaces.onChange(({ before, after }) => {
    if (after === null || annotated(before ?? undefined) === annotated(after)) return;
    const { name } = after.metadata;
    for (const session of sessions.store.list()) if (session.metadata.namespace === name) wake.owner(session);
  });
  slices.onChange(wake.edges);
}

function withoutProgress({ status = {} }: StreamSession): object {
  const { progress: _progress, ...rest } = status;
  return rest;
}

/** After a start everything is looked at, and what changes meanwhile goes first. */
function priorityOf(initial: boolean): Priority {
  return initial ? 'background' : 'normal';
}
