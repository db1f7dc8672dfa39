import type { EdgeScaleSettings } from './settings.ts';
import { isCarriedBy, mostOf, podsFor, type ScaledPod, type Usage, unknownPods, usageOf, wordsOf } from './usage.ts';

/** While nothing else is due: reports of edges are as far apart. */
const LOOK_AGAIN_SECONDS = 5;

/** What one decision hands on to the next. */
export interface ScaleMemory {
  /**
   * Since when, without a break and without a change of the number, one pod less would have been enough, ms since the
   * epoch; null: it would not.
   */
  readonly lowSinceMs: number | null;
}

/** Everything that the number of edge pods depends on. */
export interface ScaleInput {
  readonly nowMs: number;
  /** Pods that the Deployment asks for now. */
  readonly replicas: number;
  /** Edge pods that exist, those that are on their way out among them: their viewers come to the others. */
  readonly pods: readonly ScaledPod[];
  /** Pods that take viewers and stay. */
  readonly readyPods: number;
  /** Viewers of all channels, each counted once. */
  readonly viewers: number;
  readonly settings: EdgeScaleSettings;
  readonly memory: ScaleMemory;
}

/** Why the number is to change or to stay. */
export type ScaleReason =
  | 'SwitchedOff'
  | 'BelowMinimum'
  | 'AboveMaximum'
  | 'LoadAboveTarget'
  | 'AtMaximum'
  | 'AtMinimum'
  | 'LoadUnknown'
  | 'PodsNotReady'
  | 'OnTarget'
  | 'ScaleDownWaits'
  | 'LoadBelowTarget';

/** How many edge pods there should be. */
export interface ScaleDecision {
  readonly replicas: number;
  readonly reason: ScaleReason;
  /** In words, for events and logs. */
  readonly message: string;
  /** Look again after this, or when something has changed. */
  readonly recheckSeconds: number;
  readonly memory: ScaleMemory;
}

/**
 * Decides how many edge pods there should be; pure. Up at once and as far as it takes, as soon as what is known of the
 * load is above the targets by more than the tolerance. Down by one pod, when for a whole
 * `scaleDownStabilizationSeconds` without a break all pods have told their load, and one pod less would have carried all of it
 * with the tolerance to spare; the next one not before another such time. So a constant load never moves the number to
 * and fro: what calls for n pods (above (n - 1) targets) is never low enough for n - 1 (at most (1 - tolerance)(n - 1)
 * targets). Unknown is never zero: nothing goes down by it. The bounds are the user's word and hold without all that.
 * A Deployment with 0 replicas was switched off by somebody and stays so, as with a HorizontalPodAutoscaler.
 */
export function decideScale(input: ScaleInput): ScaleDecision {
  const { replicas, settings, pods, viewers } = input;
  const { minReplicas, maxReplicas, tolerance } = settings;
  if (replicas === 0) return stay(input, 'SwitchedOff', 'the Deployment was scaled to 0 pods: nothing is decided');
  if (replicas > maxReplicas) return change(maxReplicas, 'AboveMaximum', `at most ${maxReplicas} pods`);
  const usage = usageOf(pods, viewers, settings);
  const most = mostOf(usage);
  const wanted = isCarriedBy(replicas, usage, tolerance) ? replicas : wantedBy(usage);
  if (replicas < minReplicas) {
    const bounded = Math.min(maxReplicas, Math.max(minReplicas, wanted));
    return change(bounded, 'BelowMinimum', `at least ${minReplicas} pods`);
  }
  if (most === undefined || wanted <= replicas) return decideDown(input, usage);
  if (replicas === maxReplicas) {
    return stay(input, 'AtMaximum', `${wordsOf(most)}: ${wanted} pods are wanted, ${maxReplicas} are allowed`);
  }
  return change(Math.min(maxReplicas, wanted), 'LoadAboveTarget', wordsOf(most));
}

/** The load is not above what the pods are to carry. */
function decideDown(input: ScaleInput, usage: readonly Usage[]): ScaleDecision {
  const { nowMs, replicas, readyPods, pods, settings, memory } = input;
  const { scaleDownStabilizationSeconds: seconds } = settings;
  const most = mostOf(usage);
  const words = most === undefined ? '' : wordsOf(most);
  if (replicas <= settings.minReplicas) return stay(input, 'AtMinimum', words);
  const unknown = unknownPods(pods, settings);
  if (unknown.length > 0) return stay(input, 'LoadUnknown', `no report of ${unknown.join(', ')}`);
  if (!isCarriedBy(replicas - 1, usage, -settings.tolerance)) return stay(input, 'OnTarget', words);
  if (readyPods < replicas - 1) {
    return stay(input, 'PodsNotReady', `${words}: ${replicas - 1} pods would do, ${readyPods} are ready`);
  }
  const lowSinceMs = memory.lowSinceMs ?? nowMs;
  const dueMs = lowSinceMs + seconds * 1000;
  if (nowMs >= dueMs) return change(replicas - 1, 'LoadBelowTarget', `${words}, for ${seconds} s`);
  return {
    ...{ replicas, reason: 'ScaleDownWaits', message: `${words}: ${replicas - 1} pods would do` },
    recheckSeconds: Math.min(LOOK_AGAIN_SECONDS, (dueMs - nowMs) / 1000),
    memory: { lowSinceMs },
  };
}

/** Pods that all loads want. */
function wantedBy(usage: readonly Usage[]): number {
  return Math.max(0, ...usage.map(podsFor));
}

function stay({ replicas }: ScaleInput, reason: ScaleReason, message: string): ScaleDecision {
  return change(replicas, reason, message);
}

/** The wait for one pod less, if there was one, is over. */
function change(replicas: number, reason: ScaleReason, message: string): ScaleDecision {
  return { replicas, reason, message, recheckSeconds: LOOK_AGAIN_SECONDS, memory: { lowSinceMs: null } };
}
