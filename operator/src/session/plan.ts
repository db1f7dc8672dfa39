import type { SessionReport } from '@sluice/common/link/messages.ts';
import type { StreamSession, StreamSessionStatus } from '@sluice/crds';
import type { Pod } from '../kinds.ts';
import type { Verdict } from './admission/admit.ts';
import { podName } from './build/pod.ts';
import { buildSessionStatus } from './build/status.ts';
import { attemptOf, type PodState, podStateOf } from './pod-state.ts';

/** So many failed pods within {@link FAILURE_WINDOW_SECONDS} end a session: what failed five times will fail again. */
const MOST_FAILURES = 5;
/** Failures that are further apart are accidents, not a fault of the session. */
const FAILURE_WINDOW_SECONDS = 600;
/** First wait before a failed pod is replaced; each further failure doubles it: 1, 2, 4, 8 s. */
const FIRST_BACK_OFF_SECONDS = 1;
/** A pod that was made and does not show up in the cache is made again after this; its name keeps it from being two. */
const UNSEEN_SECONDS = 10;

/** Whoever deletes each new pod at once (a policy, a script) gets one in this time, not one per round trip. */
const LEAVING_SECONDS = 5;

/** What the controller keeps of a session between reconciliations. */
export interface SessionMemory {
  /** Number of the newest pod; 0: none was made yet. */
  readonly attempt: number;
  /** When it was made, ms since the epoch. */
  readonly madeMs: number;
  /** Whether it has been seen in the cache: only what was seen can be missed. */
  readonly seen: boolean;
  /** Number of the newest pod whose failure is in `failuresMs`. */
  readonly countedAttempt: number;
  /** Times of failures within the window, ms since the epoch, the oldest first. */
  readonly failuresMs: readonly number[];
}

/** Everything about one session at one moment. */
export interface ObservedSession {
  readonly nowMs: number;
  readonly session: StreamSession;
  /** Pods of the session. */
  readonly pods: readonly Pod[];
  /** What the owner says of this session; null if it says nothing of it. */
  readonly report: SessionReport | null;
  /** Whether the owner could have spoken: not in the first moments of an operator, before the edges are linked. */
  readonly heard: boolean;
  /** Why the API server did not allow the last pod, in its words; null: it did. */
  readonly refusal: string | null;
  readonly memory: SessionMemory;
  /** Whether it may run within the limits. */
  readonly admission: Verdict;
}

/** How the newest pod stands; `none` before the first, `unseen` between its creation and its coming into the cache. */
export type NewestPod = PodState | { readonly kind: 'none' } | { readonly kind: 'unseen' };

/** What is to be done for a session. */
export interface SessionPlan {
  /** To be kept once the pod is made. */
  readonly memory: SessionMemory;
  /** Number of the pod to make; null: none. */
  readonly createAttempt: number | null;
  /** Names of pods to delete: ended ones that were replaced long ago; the last failed one stays for its log. */
  readonly deletePods: readonly string[];
  readonly status: StreamSessionStatus;
  readonly wakeAfterSeconds: number | null;
}

/** What is remembered of a session that this operator sees for the first time. */
export function rememberSession(session: StreamSession): SessionMemory {
  const attempt = session.status?.attempt ?? 0;
  return { attempt, madeMs: 0, seen: attempt > 0, countedAttempt: 0, failuresMs: [] };
}

/** Decides what a session needs; pure. */
export function planSession(observed: ObservedSession): SessionPlan {
  const { session, nowMs, pods } = observed;
  const phase = session.status?.phase;
  const seen = withSeenPods(observed.memory, pods);
  if (phase === 'Failed' || phase === 'Completed' || phase === 'Stored') {
    return { memory: seen, createAttempt: null, deletePods: [], status: session.status ?? {}, wakeAfterSeconds: null };
  }
  const newest = newestPod(pods, session, seen);
  const memory = withCountedFailure(seen, newest, nowMs);
  const givenUp = memory.failuresMs.length >= MOST_FAILURES;
  const step = givenUp || !observed.admission.admitted ? WAIT : nextStep(newest, memory, nowMs);
  const next = step.attempt === null ? memory : { ...memory, attempt: step.attempt, madeMs: nowMs, seen: false };
  return {
    memory: next,
    createAttempt: step.attempt,
    deletePods: replacedPods(pods, next.attempt),
    // A pod that is refused is never shown as one that exists.
    status: buildSessionStatus({ ...observed, memory: observed.refusal === null ? next : memory, newest, givenUp }),
    wakeAfterSeconds: step.wakeAfterSeconds,
  };
}

interface Step {
  readonly attempt: number | null;
  readonly wakeAfterSeconds: number | null;
}

const WAIT: Step = { attempt: null, wakeAfterSeconds: null };

function nextStep(newest: NewestPod, memory: SessionMemory, nowMs: number): Step {
  switch (newest.kind) {
    case 'none':
      return { attempt: 1, wakeAfterSeconds: null };
    case 'leaving': // its grace period is the time in which the successor takes over
      return when(memory.madeMs + LEAVING_SECONDS * 1000, memory.attempt + 1, nowMs);
    case 'unseen':
      return when(memory.madeMs + UNSEEN_SECONDS * 1000, memory.attempt, nowMs);
    case 'failed': {
      const backOffSeconds = FIRST_BACK_OFF_SECONDS * 2 ** Math.max(0, memory.failuresMs.length - 1);
      // No failure is left in the window: it is long ago.
      return when((memory.failuresMs.at(-1) ?? 0) + backOffSeconds * 1000, memory.attempt + 1, nowMs);
    }
    default:
      return WAIT;
  }
}

function when(dueMs: number, attempt: number, nowMs: number): Step {
  const waitSeconds = (dueMs - nowMs) / 1000;
  return waitSeconds > 0 ? { attempt: null, wakeAfterSeconds: waitSeconds } : { attempt, wakeAfterSeconds: null };
}

function withSeenPods(memory: SessionMemory, pods: readonly Pod[]): SessionMemory {
  const newest = Math.max(0, ...pods.map(attemptOf));
  return newest >= memory.attempt && newest > 0 ? { ...memory, attempt: newest, seen: true } : memory;
}

function newestPod(pods: readonly Pod[], session: StreamSession, memory: SessionMemory): NewestPod {
  if (memory.attempt === 0) return { kind: 'none' };
  const name = podName(session.metadata.name, memory.attempt);
  const pod = pods.find(({ metadata }) => metadata.name === name);
  if (pod !== undefined) return podStateOf(pod);
  return memory.seen ? { kind: 'failed', message: `pod ${name} is gone` } : { kind: 'unseen' };
}

/** Each attempt fails once, however often it is looked at. */
function withCountedFailure(memory: SessionMemory, newest: NewestPod, nowMs: number): SessionMemory {
  const recent = memory.failuresMs.filter((time) => nowMs - time < FAILURE_WINDOW_SECONDS * 1000);
  if (newest.kind !== 'failed' || memory.countedAttempt >= memory.attempt) return { ...memory, failuresMs: recent };
  return { ...memory, failuresMs: [...recent, nowMs], countedAttempt: memory.attempt };
}

function replacedPods(pods: readonly Pod[], attempt: number): readonly string[] {
  return pods
    .filter((pod) => attemptOf(pod) < attempt - 1 && pod.metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}
