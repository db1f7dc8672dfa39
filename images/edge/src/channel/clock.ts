/** Time as the media side sees it; tests bring a virtual one. */
export interface Clock {
  /** Milliseconds since the epoch as they were at the start of the clock, going on steadily: it never steps. */
  now(): number;
  /** Runs `task` once after `delayMs`; returns its cancellation. */
  after(delayMs: number, task: () => void): () => void;
}

/** Milliseconds since the epoch at the start of this process. */
const STARTED_AT = performance.timeOrigin;

/**
 * The clock of the machine. A step of the machine's own time (NTP, an administrator) would make every owner look silent, or
 * a silent one alive, and shift what is published.
 */
export const systemClock: Clock = {
  now: () => Math.floor(STARTED_AT + performance.now()),
  after: (delayMs, task) => {
    const timer = setTimeout(task, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
