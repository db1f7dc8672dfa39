import type { SessionReport } from '@sluice/common/link/owner-report.ts';
import type { StreamSession, StreamSessionStatus } from '@sluice/crds';
import type { Pod } from '../kinds.ts';
import { GPU_REFUSAL_ANNOTATION } from '../labels.ts';
import type { Verdict } from './admission/admit.ts';
import { podName } from './build/pod.ts';
import { buildSessionStatus } from './build/status.ts';
import { gpuWait, type Refusal } from './gpu.ts';
import { attemptOf, type NewestPod, podStateOf, unscheduled } from './pod-state.ts';

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
  /** Why the newest pod does without the GPU that the session asks for, in the scheduler's words; null: it does not. */
  readonly gpuRefusal: string | null;
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
  /** Why the API server did not allow the last pod; null: it did. */
  readonly refusal: Refusal | null;
  readonly memory: SessionMemory;
  /** Whether it may run within the limits. */
  readonly admission: Verdict;
  /** False: it was deleted, or its Channel was, and the cache does not show it yet: nothing new is made for it. */
  readonly isWanted?: boolean;
  /** Whether the CPU may take the place of a GPU that is not to be had; true if left out. */
  readonly mayFallBack?: boolean;
}

/** What is to be done for a session. */
export interface SessionPlan {
  /** To be kept once the pod is made. */
  readonly memory: SessionMemory;
  /** Number of the pod to make; null: none. */
  readonly createAttempt: number | null;
  /**
   * Names of pods to delete: ended ones that were replaced long ago; the last failed one stays for its log, unless it
   * never had a node.
   */
  readonly deletePods: readonly string[];
  readonly status: StreamSessionStatus;
  readonly wakeAfterSeconds: number | null;
}

/** What is remembered of a session that this operator sees for the first time. */
export function rememberSession(session: StreamSession): SessionMemory {
  const attempt = session.status?.attempt ?? 0;
  return { attempt, madeMs: 0, seen: attempt > 0, countedAttempt: 0, gpuRefusal: null, failuresMs: [] };
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
  const mayMake = !givenUp && observed.admission.admitted && observed.isWanted !== false;
  const step = mayMake ? stepOf(observed, newest, memory) : WAIT;
  const { attempt, gpuRefusal } = step;
  const next = attempt === null ? memory : { ...memory, attempt, gpuRefusal, madeMs: nowMs, seen: false };
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
  /** Not null: the pod to make is one for the CPU, and this is why. */
  readonly gpuRefusal: string | null;
}

const WAIT: Step = { attempt: null, wakeAfterSeconds: null, gpuRefusal: null };

/** What is next for the pods; a wait for a GPU that is over changes what kind of pod that is. */
function stepOf(observed: ObservedSession, newest: NewestPod, memory: SessionMemory): Step {
  const { session, refusal, nowMs, mayFallBack = true } = observed;
  const step = nextStep(newest, memory, nowMs);
  const wait = gpuWait(mayFallBack ? session.spec.gpu : undefined, newest, memory, refusal, nowMs);
  if (!wait.over) return { ...step, wakeAfterSeconds: step.wakeAfterSeconds ?? wait.wakeAfterSeconds };
  // A pod that was never made leaves its number to the one in its place; any other keeps it.
  const attempt = step.attempt ?? (unscheduled(newest) === null ? null : memory.attempt + 1);
  return { ...step, attempt, gpuRefusal: wait.refusal };
}

function nextStep(newest: NewestPod, memory: SessionMemory, nowMs: number): Step {
  switch (newest.kind) {
    case 'none':
      return { ...WAIT, attempt: 1 };
    case 'leaving': // its grace period is the time in which the successor takes over
      return when(memory.madeMs + LEAVING_SECONDS * 1000, memory.attempt + 1, nowMs);
    case 'unseen':
      return { ...when(memory.madeMs + UNSEEN_SECONDS * 1000, memory.attempt, nowMs), gpuRefusal: memory.gpuRefusal };
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
  return waitSeconds > 0 ? { ...WAIT, wakeAfterSeconds: waitSeconds } : { ...WAIT, attempt };
}

function withSeenPods(memory: SessionMemory, pods: readonly Pod[]): SessionMemory {
  const newest = pods.toSorted((left, right) => attemptOf(left) - attemptOf(right)).at(-1);
  const attempt = newest === undefined ? 0 : attemptOf(newest);
  if (newest === undefined || attempt === 0 || attempt < memory.attempt) return memory;
  const { annotations, creationTimestamp } = newest.metadata;
  // An operator that has just started did not make the pod: the API server knows when that was.
  const madeMs =
    memory.madeMs > 0 && attempt === memory.attempt ? memory.madeMs : Date.parse(creationTimestamp ?? '') || 0;
  return { ...memory, attempt, madeMs, seen: true, gpuRefusal: annotations?.[GPU_REFUSAL_ANNOTATION] ?? null };
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
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(
      (pod) => attemptOf(pod) < attempt - 1 || (attemptOf(pod) < attempt && unscheduled(podStateOf(pod)) !== null),
    )
    .map(({ metadata }) => metadata.name);
}
