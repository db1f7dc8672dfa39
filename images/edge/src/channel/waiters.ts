import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Clock } from './clock.ts';

/** Longest wait of a viewer for a first playlist in ms: players give up at 10 s or later. */
const VIEWER_WAIT_MS = 10_000;

/** Requests that wait for something of a channel. */
export interface Waiters {
  /**
   * Resolves with the first value that is not null. Throws what `fail` was given, CLIENT_GONE when `signal` aborts,
   * and SOURCE_UNREACHABLE after `timeoutMs` (10 s if left out).
   */
  wait<T>(attempt: () => T | null, signal: AbortSignal, timeoutMs?: number): Promise<T>;
  /** Something has changed: everybody looks again. */
  wake(): void;
  /** Everybody who still has nothing gets this error. */
  fail(error: SluiceError): void;
}

/** The answer to a viewer for whom nothing can be published (yet). */
export function unreachable(message: string): SluiceError {
  return new SluiceError(message, {
    code: 'SOURCE_UNREACHABLE',
    retryable: true,
    status: 503,
    retryAfterSeconds: 5,
  });
}

/** A route's owner has moved, or comes back: both take about a second. */
const OWNER_RETRY_SECONDS = 1;

/** 503 for a channel of another edge that cannot be asked now. `key` is `<namespace>/<name>`. */
export function ownerUnreachable(key: string): SluiceError {
  return new SluiceError(`The edge that publishes ${key.slice(0, 200)} cannot be asked at this moment; try again`, {
    code: 'OWNER_UNREACHABLE',
    retryable: true,
    status: 503,
    retryAfterSeconds: OWNER_RETRY_SECONDS,
  });
}

/** What a wait that ended with `error` says where no owner is connected who could know why: it is the owner that is missing. */
export function withoutOwner(error: unknown, key: string): unknown {
  return error instanceof SluiceError && error.code === 'SOURCE_UNREACHABLE' ? ownerUnreachable(key) : error;
}

/** Code of {@link ownerMoved}. */
export const OWNER_MOVED = 'OWNER_MOVED';

/** Requests that wait while a channel changes hands: they are asked again of whoever has it then. */
export function ownerMoved(): SluiceError {
  return new SluiceError('The channel has moved to another edge; try again', {
    code: OWNER_MOVED,
    retryable: true,
    status: 503,
    retryAfterSeconds: OWNER_RETRY_SECONDS,
  });
}

interface Waiter {
  readonly retry: () => void;
  readonly fail: (error: SluiceError) => void;
}

/** Waiters on a clock. */
export function createWaiters(clock: Clock): Waiters {
  const waiting = new Set<Waiter>();
  const wait = <T>(attempt: () => T | null, signal: AbortSignal, timeoutMs = VIEWER_WAIT_MS): Promise<T> => {
    const first = attempt();
    if (first !== null) return Promise.resolve(first);
    return new Promise<T>((resolve, reject) => {
      const settle = (action: () => void): void => {
        waiting.delete(waiter);
        cancel();
        signal.removeEventListener('abort', onAbort);
        action();
      };
      const fail = (error: SluiceError): void => settle(() => reject(error));
      const onAbort = (): void =>
        fail(new SluiceError('The client has gone', { code: 'CLIENT_GONE', retryable: true, status: 499 }));
      const waiter: Waiter = {
        retry: () => {
          try {
            const value = attempt();
            if (value !== null) settle(() => resolve(value));
          } catch (error) {
            settle(() => reject(error as Error));
          }
        },
        fail,
      };
      const cancel = clock.after(timeoutMs, () =>
        fail(unreachable(`The source has not delivered anything within ${timeoutMs / 1000} s`)),
      );
      waiting.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  };
  return {
    wait,
    wake: () => {
      for (const waiter of [...waiting]) waiter.retry();
    },
    fail: (error) => {
      for (const waiter of [...waiting]) waiter.fail(error);
    },
  };
}
