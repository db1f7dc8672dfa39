/**
 * Which pods go first when there are fewer: the ReplicaSet deletes those with the lowest cost, among pods that are
 * equally ready (KEP-2255).
 */

/** Annotation of a pod with its cost, an int32 as text; pods without one cost 0 (KEP-2255). */
export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

/** An owner of a busy channel costs more than any edge that only has viewers. */
const OWNER_COST = 1_000_000;
/** int32. */
const HIGHEST_COST = 2 ** 31 - 1;
/** A cost is written anew after this, because viewers have moved meanwhile. */
const FRESH_MS = 60_000;
/** So many costs are written in a second at most. */
export const COSTS_PER_SECOND = 10;

/** What an edge pod has to do, as far as it matters who goes. */
export interface PodDuties {
  readonly podUid: string;
  readonly podName: string;
  /** Viewers, at all edges, of the channels that it owns; a channel of which the count is unknown has at least one. */
  readonly ownedViewers: number;
  /** Viewers that come to this edge. */
  readonly viewers: number;
}

/** A cost as it was written. */
export interface WrittenCost {
  readonly cost: number;
  readonly atMs: number;
}

/**
 * The owner of a busy channel costs most, and the more, the more viewers depend on it: its source has to be connected
 * anew by a successor. Among the others the one with the fewest viewers goes first.
 */
export function deletionCost({ ownedViewers, viewers }: PodDuties): number {
  if (ownedViewers > 0) return Math.min(HIGHEST_COST, OWNER_COST + ownedViewers);
  return Math.min(OWNER_COST - 1, viewers);
}

/**
 * Pods whose cost has to be written before one of them may go. Viewers come and go all the time: what stands there is
 * good enough for a minute, unless the pod has become an owner of a busy channel or is none any more.
 */
export function costsToWrite(
  pods: readonly PodDuties[],
  written: ReadonlyMap<string, WrittenCost>,
  nowMs: number,
): readonly (PodDuties & { readonly cost: number })[] {
  // With very many pods the first cost must not be old before the last one is written.
  const freshMs = Math.max(FRESH_MS, (2 * pods.length * 1000) / COSTS_PER_SECOND);
  return pods
    .map((pod) => ({ ...pod, cost: deletionCost(pod) }))
    .filter(({ podUid, cost }) => {
      const known = written.get(podUid);
      return known === undefined || nowMs - known.atMs > freshMs || isOwners(known.cost) !== isOwners(cost);
    });
}

function isOwners(cost: number): boolean {
  return cost >= OWNER_COST;
}
