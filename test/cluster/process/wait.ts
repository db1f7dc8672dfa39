import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** How often a condition is asked again: short against every start-up time here, long against one question's cost. */
const POLL_MILLISECONDS = 250;

/**
 * Asks `check` until it answers true. An error that it throws counts as "not yet" and is told at the end.
 * @throws SluiceError `WAIT_TIMEOUT` naming `what` after `timeoutSeconds`
 */
export async function waitUntil(what: string, timeoutSeconds: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const reason = last === undefined ? '' : `; last error: ${messageOf(last)}`;
      throw new SluiceError(`${what}: not within ${timeoutSeconds} s${reason}`, {
        code: 'WAIT_TIMEOUT',
        retryable: true,
      });
    }
    await sleep(POLL_MILLISECONDS);
  }
}
