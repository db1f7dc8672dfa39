import type { LocalPod } from '../api/shapes.ts';
import type { LocalContainer, Termination } from './container.ts';

/** Phase of a pod, by Kubernetes' rules. */
export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What a pod's status is made from. */
export interface StatusSources {
  /** The pod with its status as it was. */
  readonly pod: LocalPod;
  readonly containers: readonly LocalContainer[];
  readonly address: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Why no container can be made yet; null: nothing is missing. */
  readonly obstacle: { readonly reason: string; readonly message: string } | null;
  /** Why the pod cannot run here, in the scheduler's words; null: it can. */
  readonly unschedulable: string | null;
}

/** Builds a pod's status, as Kubernetes writes it (core/v1 PodStatus). */
export function statusOf(sources: StatusSources): object {
  const { containers, address, startedAtMs, unschedulable, pod, nowMs } = sources;
  const before = containers.filter(({ role }) => role !== 'main');
  const mains = containers.filter(({ role }) => role === 'main');
  const initialized = before.every((each) => (each.role === 'sidecar' ? each.started : each.hasSucceeded));
  const ready = containers.every((each) => each.role === 'init' || each.ready);
  const condition = (type: string, holds: boolean, more: object = {}): object => {
    const status = holds ? 'True' : 'False';
    const known = pod.status.conditions.find((each) => each.type === type && each.status === status);
    return { type, status, ...more, lastTransitionTime: known?.lastTransitionTime || timeOf(nowMs) };
  };
  const why = unschedulable === null ? {} : { reason: 'Unschedulable', message: unschedulable };
  return {
    phase: phaseOf(containers),
    conditions: [
      condition('PodScheduled', unschedulable === null, why),
      condition('Initialized', initialized),
      condition('ContainersReady', ready),
      condition('Ready', ready && initialized),
    ],
    podIP: address,
    startTime: timeOf(startedAtMs),
    initContainerStatuses: before.map((each) => containerStatus(each, sources)),
    containerStatuses: mains.map((each) => containerStatus(each, sources)),
  };
}

/** The phase that the containers make. */
export function phaseOf(containers: readonly LocalContainer[]): Phase {
  if (containers.some((each) => each.role === 'init' && each.isOver && !each.hasSucceeded)) return 'Failed';
  const mains = containers.filter(({ role }) => role === 'main');
  if (mains.every(({ isOver }) => isOver)) return mains.every((each) => each.hasSucceeded) ? 'Succeeded' : 'Failed';
  return mains.some(({ pid, last }) => pid !== 0 || last !== null) ? 'Running' : 'Pending';
}

function containerStatus(local: LocalContainer, { obstacle }: StatusSources): object {
  const { container, role, pid, last, restarts, started } = local;
  const running = pid === 0 ? null : { running: { startedAt: timeOf(local.startedAtMs) } };
  const ended = last === null || local.waiting !== null ? null : { terminated: terminated(last) };
  const usual = { reason: role === 'main' ? 'PodInitializing' : 'ContainerCreating', message: '' };
  return {
    name: container.name,
    image: container.image,
    ready: role === 'init' ? local.hasSucceeded : local.ready,
    started,
    restartCount: restarts,
    ...(pid === 0 ? {} : { containerID: `local://${pid}` }),
    state: running ?? ended ?? { waiting: local.waiting ?? obstacle ?? usual },
    ...(last === null || (running === null && ended !== null) ? {} : { lastState: { terminated: terminated(last) } }),
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
