/** Label of everything that the operator makes (Kubernetes, "Recommended Labels"). */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'sluice' } as const;
/** Label selector for it. */
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=sluice';
/** Name of the Channel that an object works for. */
export const CHANNEL_LABEL = 'sluice.dev/channel';
/** Name of the StreamSession that a pod works for. */
export const SESSION_LABEL = 'sluice.dev/session';
/** Annotation of a CPU pod that stands in for one with a GPU: why there was none, in the scheduler's words. */
export const GPU_REFUSAL_ANNOTATION = 'sluice.dev/gpu-refusal';
/** Number of a session's pod, from 1. */
export const ATTEMPT_LABEL = 'sluice.dev/attempt';
