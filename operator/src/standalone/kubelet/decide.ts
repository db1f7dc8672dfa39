/** What a container is to its pod: run once before the others, run beside them from before to after, or the work itself. */
export type Role = 'init' | 'sidecar' | 'main';

/** How a container stands. */
export interface ContainerView {
  readonly name: string;
  readonly role: Role;
  /** `alive` from the start of its process until its whole process group has ended. */
  readonly run: 'waiting' | 'alive' | 'ended';
  /** Whether it is being stopped; only of one that is alive. */
  readonly stopping: boolean;
  /** Whether the startup probe has succeeded; true without one as soon as it runs. */
  readonly started: boolean;
  /** Of the last end; null before the first. */
  readonly exitCode: number | null;
  /** Not to be started before, in ms. */
  readonly notBeforeMs: number;
}

/** A pod as the decision sees it. */
export interface PodView {
  readonly nowMs: number;
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  /** In the order of the manifest, init containers and sidecars first. */
  readonly containers: readonly ContainerView[];
  /** Whether a main container has been started once: from then on a sidecar that ends holds up nobody. */
  readonly initialized: boolean;
  /** Whether somebody deletes the pod, or the kubelet stops. */
  readonly ending: boolean;
}

/** What is to be done now. */
export type Action =
  | { readonly type: 'start'; readonly name: string }
  | { readonly type: 'stop'; readonly name: string }
  /** Nothing of the pod is left; only of one that is ending. */
  | { readonly type: 'remove' };

/** The decision of a moment. */
export interface Decision {
  readonly actions: readonly Action[];
  /** When to decide again if nothing happens before; null: never. */
  readonly wakeAtMs: number | null;
}

/** Phase of a pod, by Kubernetes' rules. */
export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Back-off of Kubernetes for containers that end: 10 s, doubled up to 300 s; forgotten after ten minutes of running. */
const BACK_OFF_SECONDS = { first: 10, most: 300, forgottenAfter: 600 } as const;

/** Ends in a row, this one included: a long run makes it the first. @param ranMs how long the container ran */
export function crashesInARow(before: number, ranMs: number): number {
  return ranMs >= BACK_OFF_SECONDS.forgottenAfter * 1000 ? 1 : before + 1;
}

/** Seconds to wait before a restart: none after the first end, then 10, 20, 40 ... 300. */
export function restartDelaySeconds(crashes: number): number {
  if (crashes <= 1) return 0;
  return Math.min(BACK_OFF_SECONDS.first * 2 ** Math.min(crashes - 2, 10), BACK_OFF_SECONDS.most);
}

/**
 * What a pod's containers need now: start in order, restart by policy and back-off, and end with sidecars last in
 * reverse order (KEP-753). Pure: called after every change, it names only what is not under way yet.
 */
export function decide(pod: PodView): Decision {
  if (pod.ending || phaseOf(pod) === 'Succeeded' || phaseOf(pod) === 'Failed') return end(pod);
  const actions: Action[] = [];
  let wakeAtMs: number | null = null;
  const begin = ({ name, notBeforeMs }: ContainerView): void => {
    if (notBeforeMs <= pod.nowMs) actions.push({ type: 'start', name });
    else wakeAtMs = Math.min(wakeAtMs ?? Number.POSITIVE_INFINITY, notBeforeMs);
  };
  for (const container of pod.containers) {
    if (container.role === 'init') {
      if (hasSucceeded(container)) continue;
      if (container.run !== 'alive') begin(container);
      break;
    }
    if (container.run !== 'alive' && willRun(container, pod)) begin(container);
    if (container.role === 'sidecar' && !container.started && !pod.initialized) break;
  }
  return { actions, wakeAtMs };
}

/** The phase that the containers make. */
export function phaseOf(pod: Omit<PodView, 'nowMs'>): Phase {
  const failedInit = pod.containers.some((each) => each.role === 'init' && hasFailed(each) && !willRun(each, pod));
  if (failedInit) return 'Failed';
  const mains = pod.containers.filter(({ role }) => role === 'main');
  if (mains.every((each) => each.run === 'ended' && (pod.ending || !willRun(each, pod)))) {
    return mains.every(hasSucceeded) ? 'Succeeded' : 'Failed';
  }
  return pod.initialized ? 'Running' : 'Pending';
}

function end(pod: PodView): Decision {
  const alive = pod.containers.filter(({ run }) => run === 'alive');
  const first = alive.filter(({ role }) => role !== 'sidecar');
  const next = first.length > 0 ? first : alive.slice(-1);
  const actions: Action[] = next.filter(({ stopping }) => !stopping).map(({ name }) => ({ type: 'stop', name }));
  if (alive.length === 0 && pod.ending) actions.push({ type: 'remove' });
  return { actions, wakeAtMs: null };
}

/** Whether a container that does not run is to run, now or later. */
function willRun(container: ContainerView, { restartPolicy }: Pick<PodView, 'restartPolicy'>): boolean {
  if (container.role === 'sidecar' || container.run !== 'ended') return true;
  if (container.role === 'init') return hasFailed(container) && restartPolicy !== 'Never';
  return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && container.exitCode !== 0);
}

function hasSucceeded({ run, exitCode }: ContainerView): boolean {
  return run === 'ended' && exitCode === 0;
}

function hasFailed({ run, exitCode }: ContainerView): boolean {
  return run === 'ended' && exitCode !== 0;
}
