import type { Pod } from '../kinds.ts';
import { ATTEMPT_LABEL } from '../labels.ts';
import { lastWords } from './last-words.ts';

/** Waits of a container that are part of every start; all others are trouble. */
const NORMAL_WAITS = new Set(['', 'ContainerCreating', 'PodInitializing']);

/** How a pod stands, as far as its session cares. */
export type PodState =
  /** The scheduler has no node, or the kubelet cannot start it: `reason` and `message` are theirs. */
  | { readonly kind: 'stuck'; readonly reason: string; readonly message: string }
  | { readonly kind: 'pending' }
  | { readonly kind: 'running' }
  /** Evicted, drained or deleted: it keeps encoding until its successor is listed. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly message: string };

/** How the newest pod stands; `none` before the first, `unseen` between its creation and its coming into the cache. */
export type NewestPod = PodState | { readonly kind: 'none' } | { readonly kind: 'unseen' };

/** Reasons of PodScheduled=False (core/v1: PodReasonUnschedulable, PodReasonSchedulingGated, PodReasonSchedulerError). */
const SCHEDULERS_REASONS = new Set(['Unschedulable', 'SchedulingGated', 'SchedulerError']);

/** What the scheduler says of a pod for which it has no node; null: it has not looked yet, or there is one. */
export function unscheduled(state: NewestPod): { readonly reason: string; readonly message: string } | null {
  return state.kind === 'stuck' && SCHEDULERS_REASONS.has(state.reason) ? state : null;
}

/** Number of the attempt that a pod is; 0 for one without the label. */
export function attemptOf(pod: Pod): number {
  const attempt = Number(pod.metadata.labels?.[ATTEMPT_LABEL]);
  return Number.isInteger(attempt) && attempt > 0 ? attempt : 0;
}

/** Reads a pod's status. */
export function podStateOf(pod: Pod): PodState {
  const { phase } = pod.status;
  if (phase === 'Failed') return { kind: 'failed', message: whyFailed(pod) };
  if (phase === 'Succeeded') return { kind: 'succeeded' };
  if (pod.metadata.deletionTimestamp !== undefined) return { kind: 'leaving' };
  const unscheduled = pod.status.conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) {
    return { kind: 'stuck', reason: unscheduled.reason || 'Unschedulable', message: unscheduled.message };
  }
  const waiting = pod.status.containerStatuses.map(({ state }) => state.waiting).find((state) => state !== undefined);
  if (waiting !== undefined && !NORMAL_WAITS.has(waiting.reason)) {
    return { kind: 'stuck', reason: waiting.reason, message: waiting.message };
  }
  return { kind: phase === 'Running' ? 'running' : 'pending' };
}

/** In the order of who knows best: the kubelet about the pod (eviction), then the container. */
function whyFailed(pod: Pod): string {
  const { reason, message } = pod.status;
  if (reason !== '') return `${reason}: ${message}`;
  const ended = pod.status.containerStatuses.map(({ state }) => state.terminated).find((state) => state !== undefined);
  if (ended === undefined) return message || 'no reason given';
  const words = [ended.reason, lastWords(ended.message)].filter((word) => word !== '' && word !== 'Error').join(': ');
  return `the agent exited with ${ended.exitCode}${words === '' ? '' : ` (${words})`}`;
}
