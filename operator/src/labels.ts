/** Label of everything that the operator makes (Kubernetes, "Recommended Labels"). */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'sluice' } as const;
/** Label selector for it. */
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=sluice';
/** Name of the Channel that an object works for. */
export const CHANNEL_LABEL = 'sluice.dev/channel';
/** Name of the StreamSession that a pod works for. */
export const SESSION_LABEL = 'sluice.dev/session';
/** Number of a session's pod, from 1. */
export const ATTEMPT_LABEL = 'sluice.dev/attempt';
