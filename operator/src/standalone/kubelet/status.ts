import type { ContainerSlot, Termination } from './container-slot.ts';
import type { Phase } from './decide.ts';

/** What a pod's status is made from. */
export interface StatusSources {
  readonly phase: Phase;
  readonly slots: readonly ContainerSlot[];
  readonly podIp: string;
  readonly startedAtMs: number;
  /** Why no container can be made yet; null: nothing is missing. */
  readonly obstacle: { readonly reason: string; readonly message: string } | null;
  /** Why the pod cannot run here, in the scheduler's words; null: it can. */
  readonly unschedulable: string | null;
  /** By the clock of {@link ContainerSlot.notBeforeMs}. */
  readonly clockMs: number;
}

/** A condition of a pod, without its time. */
export interface PodCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

/** The status of a pod without the times of its conditions, as Kubernetes writes it (core/v1 PodStatus). */
export interface PodStatus {
  readonly phase: Phase;
  readonly conditions: readonly PodCondition[];
  readonly hostIP: string;
  readonly podIP: string;
  readonly podIPs: readonly { readonly ip: string }[];
  readonly startTime: string;
  readonly initContainerStatuses: readonly object[];
  readonly containerStatuses: readonly object[];
}

/** Builds a pod's status. */
export function statusOf(sources: StatusSources): PodStatus {
  const { phase, slots, podIp, startedAtMs } = sources;
  const before = slots.filter(({ role }) => role !== 'main');
  const mains = slots.filter(({ role }) => role === 'main');
  const initialized = before.every((slot) => (slot.role === 'sidecar' ? slot.started : hasSucceeded(slot)));
  const ready = slots.every((slot) => slot.role === 'init' || slot.ready);
  const condition = (type: string, holds: boolean): PodCondition => ({ type, status: holds ? 'True' : 'False' });
  return {
    phase,
    conditions: [
      sources.unschedulable === null
        ? condition('PodScheduled', true)
        : { ...condition('PodScheduled', false), reason: 'Unschedulable', message: sources.unschedulable },
      condition('Initialized', initialized),
      condition('ContainersReady', ready),
      condition('Ready', ready && initialized),
    ],
    hostIP: podIp,
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    startTime: timeOf(startedAtMs),
    initContainerStatuses: before.map((slot) => containerStatus(slot, sources)),
    containerStatuses: mains.map((slot) => containerStatus(slot, sources)),
  };
}

function hasSucceeded({ run, last }: ContainerSlot): boolean {
  return run === 'ended' && last?.exitCode === 0;
}

function containerStatus(slot: ContainerSlot, sources: StatusSources): object {
  const { container, run, last, restarts, pid } = slot;
  return {
    name: container.name,
    image: container.image,
    imageID: container.image,
    ready: slot.role === 'init' ? hasSucceeded(slot) : slot.ready,
    started: slot.started,
    restartCount: restarts,
    ...(pid === 0 ? {} : { containerID: `local://${pid}` }),
    state: stateOf(slot, sources),
    ...(last === null || run === 'ended' ? {} : { lastState: { terminated: terminated(last) } }),
  };
}

function stateOf(
  { run, last, waiting, startedAtMs, pid, role, notBeforeMs }: ContainerSlot,
  sources: StatusSources,
): object {
  if (run === 'alive' && pid !== 0) return { running: { startedAt: timeOf(startedAtMs) } };
  if (run === 'ended' && last !== null) {
    const waits = notBeforeMs > sources.clockMs && isRestarted(role, last, sources);
    if (!waits) return { terminated: terminated(last) };
    const seconds = Math.ceil((notBeforeMs - sources.clockMs) / 1000);
    return {
      waiting: { reason: 'CrashLoopBackOff', message: `ended with ${last.exitCode}; next start in ${seconds} s` },
    };
  }
  const why = waiting ?? sources.obstacle;
  return { waiting: why ?? { reason: role === 'main' ? 'PodInitializing' : 'ContainerCreating', message: '' } };
}

/** An ended container of a pod that goes on is one that is started again, unless it is an init container that is done. */
function isRestarted(role: ContainerSlot['role'], last: Termination, { phase }: StatusSources): boolean {
  if (phase === 'Succeeded' || phase === 'Failed') return false;
  return role !== 'init' || last.exitCode !== 0;
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
