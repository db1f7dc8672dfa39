import type { LocalContainer, Termination } from './container.ts';

/** What a pod's status is made from. */
export interface StatusSources {
  readonly containers: readonly LocalContainer[];
  readonly address: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Why no container can be made yet; null: nothing is missing. */
  readonly obstacle: { readonly reason: string; readonly message: string } | null;
  /** Why the pod cannot run here, in the scheduler's words; null: it can. */
  readonly unschedulable: string | null;
}

/** A condition as it is written into a pod's status. */
export interface PodCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly lastTransitionTime: string;
}

/** Builds a pod's status, as Kubernetes writes it (core/v1 PodStatus). @param before conditions of the last one */
export function statusOf(sources: StatusSources, before: readonly PodCondition[]) {
  const { containers, address, startedAtMs, unschedulable, nowMs } = sources;
  const [sidecars, mains] = [containers.filter((each) => each.isSidecar), containers.filter((each) => !each.isSidecar)];
  const initialized = sidecars.every(({ started }) => started);
  const ready = containers.every((each) => each.ready);
  const condition = (type: string, holds: boolean, more: object = {}): PodCondition => {
    const status = holds ? 'True' : 'False';
    const known = before.find((each) => each.type === type && each.status === status);
    return { type, status, ...more, lastTransitionTime: known?.lastTransitionTime ?? timeOf(nowMs) };
  };
  const why = unschedulable === null ? {} : { reason: 'Unschedulable', message: unschedulable };
  return {
    phase: phaseOf(mains),
    conditions: [
      condition('PodScheduled', unschedulable === null, why),
      condition('Initialized', initialized),
      condition('ContainersReady', ready),
      condition('Ready', ready && initialized),
    ],
    podIP: address,
    startTime: timeOf(startedAtMs),
    initContainerStatuses: sidecars.map((each) => containerStatus(each, sources)),
    containerStatuses: mains.map((each) => containerStatus(each, sources)),
  };
}

function phaseOf(mains: readonly LocalContainer[]): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (mains.every(({ isOver }) => isOver)) {
    return mains.every(({ last }) => last?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  return mains.some(({ pid, last }) => pid !== 0 || last !== null) ? 'Running' : 'Pending';
}

function containerStatus(local: LocalContainer, { obstacle }: StatusSources): object {
  const { container, pid, last, waiting } = local;
  const usual = { reason: local.isSidecar ? 'ContainerCreating' : 'PodInitializing', message: '' };
  const running = pid === 0 ? null : { running: { startedAt: timeOf(local.startedAtMs) } };
  const ended = last === null ? null : { terminated: terminated(last) };
  const isEnd = running === null && waiting === null;
  return {
    name: container.name,
    image: container.image,
    ready: local.ready,
    started: local.started,
    restartCount: local.restarts,
    ...(pid === 0 ? {} : { containerID: `local://${pid}` }),
    state: running ?? (isEnd ? ended : null) ?? { waiting: waiting ?? obstacle ?? usual },
    ...(ended === null || isEnd ? {} : { lastState: ended }),
  };
}

function terminated({ exitCode, startedAtMs, finishedAtMs, message, pid }: Termination): object {
  return {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    ...(message === '' ? {} : { message }),
    startedAt: timeOf(startedAtMs),
    finishedAt: timeOf(finishedAtMs),
    containerID: `local://${pid}`,
  };
}

/** Kubernetes' times have whole seconds. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
