import type { OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Goodbye } from '../audience/goodbyes.ts';

/** Ages are told to the hundredth of a second, rather too young than too old. */
const STEP_MS = 10;

/**
 * Tells an edge of a goodbye that has waited since it was passed on: it has grown older, and who has come again meanwhile has
 * not left. @param waitedMs 0 or more
 */
export function leaveMessage({ uid, ids, secondsAgo }: Goodbye, waitedMs: number): OperatorMessage {
  const steps = Math.floor((secondsAgo * 1000 + waitedMs) / STEP_MS + Number.EPSILON);
  return { type: 'leave', uid, ids: [...ids], secondsAgo: (steps * STEP_MS) / 1000 };
}
