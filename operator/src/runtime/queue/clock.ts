/** Time as queues and controllers see it; tests bring their own. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /**
   * Calls back once, after `milliseconds` (at most 2^31 - 1).
   * @param holds whether a process with nothing else to do waits for it; true if left out
   * @returns what calls it off
   */
  setTimer(callback: () => void, milliseconds: number, holds?: boolean): () => void;
}

/** The machine's monotonic clock. */
export const MONOTONIC_CLOCK: Clock = {
  now: () => performance.now(),
  setTimer(callback, milliseconds, holds = true) {
    const timer = setTimeout(callback, milliseconds);
    if (!holds) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Waits; not longer than until the signal. */
export function pause(milliseconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(end, milliseconds);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
