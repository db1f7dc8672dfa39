import type { Gpu } from '@sluice/crds';
import type { SessionMemory } from './plan.ts';
import { type NewestPod, unscheduled } from './pod-state.ts';

/**
 * When a session that asks for a GPU goes on without one: a pod for the CPU, under the next number, takes the place of
 * one that no node could take in time. Every later pod of the session asks for the GPU again.
 */

/** The kubelet's word for a pod whose devices it could not allocate (kubelet, lifecycle.UnexpectedAdmissionError). */
const ALLOCATION_FAILED = 'UnexpectedAdmissionError';

/** A pod that the API server does not allow. */
export interface Refusal {
  /** Since when no pod of the session was allowed, ms since the epoch. */
  readonly sinceMs: number;
  /** Its words. */
  readonly message: string;
  /** Not null: that pod was one for the CPU already, and this is why; the next one is, too. */
  readonly gpuRefusal: string | null;
}

/** Whether the wait for a GPU is over; while it is not, `wakeAfterSeconds` says how long it lasts. */
export type GpuWait =
  | { readonly over: true; readonly refusal: string }
  | { readonly over: false; readonly wakeAfterSeconds: number | null };

const NOTHING_TO_WAIT_FOR: GpuWait = { over: false, wakeAfterSeconds: null };

/** Decides whether the newest pod of a session, made for a GPU, is to be replaced by one for the CPU; pure. */
export function gpuWait(
  gpu: Gpu | undefined,
  newest: NewestPod,
  memory: SessionMemory,
  refused: Refusal | null,
  nowMs: number,
): GpuWait {
  if (gpu === undefined) return NOTHING_TO_WAIT_FOR;
  if (refused !== null) {
    if (refused.gpuRefusal !== null) return { over: true, refusal: refused.gpuRefusal };
    return elapsed(gpu, refused.sinceMs, `the API server allows no pod with a GPU: ${refused.message}`, nowMs);
  }
  if (memory.gpuRefusal !== null) return NOTHING_TO_WAIT_FOR;
  if (newest.kind === 'failed' && newest.message.startsWith(ALLOCATION_FAILED)) {
    return { over: true, refusal: newest.message };
  }
  // Until the scheduler has spoken there is nothing to tell, and nothing that a CPU pod would have before it.
  const word = unscheduled(newest);
  return word === null ? NOTHING_TO_WAIT_FOR : elapsed(gpu, memory.madeMs, word.message || word.reason, nowMs);
}

function elapsed(gpu: Gpu, sinceMs: number, refusal: string, nowMs: number): GpuWait {
  const leftSeconds = gpu.waitSeconds - (nowMs - sinceMs) / 1000;
  return leftSeconds > 0 ? { over: false, wakeAfterSeconds: leftSeconds } : { over: true, refusal };
}
