import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What some work comes to, if it does so in time.
 * @throws Error that says what took longer, which may still be under way; or what the work throws
 */
export async function within<T>(seconds: number, what: string, work: () => Promise<T>): Promise<T> {
  const decided = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: decided.signal }).then((): never => {
    throw new Error(`not done within ${seconds} s: ${what}`);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    decided.abort();
  }
}
