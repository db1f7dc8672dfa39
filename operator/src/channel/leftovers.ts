import type { StreamSession } from '@sluice/crds';
import { cleanupFailed } from '../events.ts';
import type { Pod } from '../kinds.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';

/** A pod may drain for its grace period of 60 s; what is there a minute after that does not go by itself. */
const LEFT_SECONDS = 120;

/** A StreamSession that is not wanted any more. */
export interface Removal {
  readonly session: StreamSession;
  /** When the API server took its deletion, in ms since the epoch; null: not yet. */
  deletedAtMs: number | null;
  /** Whether it was told that its pods are left. */
  isTold: boolean;
}

/** A removal that is still to be made. */
export function removalOf(session: StreamSession): Removal {
  return { session, deletedAtMs: null, isTold: false };
}

/**
 * What a Channel's ended sessions leave behind: pods on a node that does not answer, or that a finalizer holds.
 * @param podsOf pods of a session that still exist
 * @returns the events, each once, and when to look again, in seconds
 */
export function leftovers(
  removals: Iterable<Removal>,
  podsOf: (session: StreamSession) => readonly Pod[],
  nowMs: number,
): { readonly events: readonly EventRecord[]; readonly wakeAfterSeconds: number | null } {
  const events: EventRecord[] = [];
  let wakeAfterSeconds: number | null = null;
  for (const removal of removals) {
    if (removal.deletedAtMs === null || removal.isTold) continue;
    const [pod] = podsOf(removal.session);
    if (pod === undefined) continue;
    const waitSeconds = LEFT_SECONDS - (nowMs - removal.deletedAtMs) / 1000;
    if (waitSeconds > 0) wakeAfterSeconds = Math.min(wakeAfterSeconds ?? waitSeconds, waitSeconds);
    else {
      events.push(leftPod(pod, removal.session));
      removal.isTold = true;
    }
  }
  return { events, wakeAfterSeconds };
}

function leftPod({ metadata, spec }: Pod, session: StreamSession): EventRecord {
  const node = spec.nodeName === '' ? '' : ` on node ${spec.nodeName}`;
  const since = `${LEFT_SECONDS} s after StreamSession ${session.metadata.name} was deleted`;
  return cleanupFailed(`pod ${metadata.name}${node} is still there ${since}`);
}
