import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { connectedTo, type EdgePod, edgePods } from './edges.ts';
import type { Stage } from './stage.ts';

/** How an owner ended, and when. */
export interface KilledOwner {
  readonly name: string;
  readonly how: string;
  /** Process groups of its containers. */
  readonly groups: readonly number[];
  /** By the monotonic clock of this process. */
  readonly atMilliseconds: number;
}

/**
 * Kills the edge that owns the busy channel: nginx and the sidecar at once, which get no chance to say anything.
 * @param pod whether the pod goes, too, as with its node, and another one comes; else its containers start again in it
 * @param killed is told at once; not where no single edge is the owner at the moment, as while another one takes over
 */
export async function killOwner(
  { platform, sourceAddress }: Stage,
  pod: boolean,
  killed: (owner: KilledOwner) => void,
): Promise<void> {
  const owners = connectedTo(await edgePods(platform), sourceAddress);
  const [owner] = owners;
  if (owner === undefined || owners.length > 1) return;
  const atMilliseconds = performance.now();
  kill(owner);
  const groups = [...owner.groups.values()];
  killed({ name: owner.name, how: pod ? 'with its pod' : 'in its containers', groups, atMilliseconds });
  if (pod) await platform.delete('Pod', SYSTEM_NAMESPACE, owner.name, { graceSeconds: 0 });
}

function kill({ groups }: EdgePod): void {
  for (const group of groups.values()) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch (error) {
      // One that has just ended by itself is dead as well.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
