import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors/error.ts';
import { ApiError } from './api-error.ts';

/** First wait, doubling up to the longest: a program that starts while the API server restarts is there soon after it. */
const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 5000;

/**
 * Makes a call that a program cannot start without until the API server answers it. A program that ended instead would be
 * restarted ever more rarely (CrashLoopBackOff, up to five minutes), and so be away long after the server is back.
 * @param call is made again after an ApiError that is retryable; any other error is thrown
 * @param wait for tests
 */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  onTrouble: (message: string) => void,
  wait: (milliseconds: number) => Promise<unknown> = sleep,
): Promise<T> {
  for (let milliseconds = FIRST_MILLISECONDS; ; milliseconds = Math.min(milliseconds * 2, LONGEST_MILLISECONDS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retryable) throw error;
      onTrouble(messageOf(error));
      await wait(Math.max(milliseconds, (error.retryAfterSeconds ?? 0) * 1000));
    }
  }
}
