import type { LocalContainer } from './container.ts';

/** What a pod's status is made from. */
export interface StatusSources {
  readonly containers: readonly LocalContainer[];
  readonly address: string;
  /** Why the pod cannot run here, in the scheduler's words; null: it can. */
  readonly unschedulable: string | null;
}

/** Builds a pod's status as Kubernetes writes it (core/v1 PodStatus), as far as somebody here reads it. */
export function statusOf({ containers, address, unschedulable }: StatusSources): object {
  const mains = containers.filter((each) => !each.isSidecar);
  const isReady = containers.every((each) => each.ready);
  const scheduled =
    unschedulable === null ? { status: 'True' } : { status: 'False', reason: 'Unschedulable', message: unschedulable };
  return {
    phase: phaseOf(mains),
    conditions: [
      { type: 'PodScheduled', ...scheduled },
      { type: 'Ready', status: isReady ? 'True' : 'False' },
    ],
    podIP: address,
    initContainerStatuses: containers.filter((each) => each.isSidecar).map(containerStatus),
    containerStatuses: mains.map(containerStatus),
  };
}

function phaseOf(mains: readonly LocalContainer[]): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (mains.every(({ isOver }) => isOver)) {
    return mains.every(({ last }) => last?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  return mains.some(({ pid, last }) => pid !== 0 || last !== null) ? 'Running' : 'Pending';
}

function containerStatus(local: LocalContainer): object {
  const { container, ready, started, restarts, pid, last, waiting } = local;
  const terminated = last && { ...last, reason: last.exitCode === 0 ? 'Completed' : 'Error' };
  const isEnd = pid === 0 && waiting === null && terminated !== null;
  const usual = { reason: 'ContainerCreating', message: '' };
  const now = isEnd ? { terminated } : { waiting: waiting ?? usual };
  return {
    ...{ name: container.name, image: container.image, ready, started, restartCount: restarts },
    ...(pid === 0 ? {} : { containerID: `local://${pid}` }),
    state: pid === 0 ? now : { running: {} },
    ...(terminated === null || isEnd ? {} : { lastState: { terminated } }),
  };
}
