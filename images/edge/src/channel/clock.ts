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
 * A task that is so much too late in ms shows that this process has stood still. What others have said meanwhile is read
 * first: that an owner is there, or that it is none any more.
 */
const STOOD_STILL_MS = 500;
/** Time in ms for that: some turns of the event loop. */
const READ_FIRST_MS = 50;

/**
 * The clock of the machine. A step of the machine's own time (NTP, an administrator) would make every owner look silent, or
 * a silent one alive, and shift what is published.
 */
export const systemClock: Clock = {
  now: () => Math.floor(STARTED_AT + performance.now()),
  after: (delayMs, task) => {
    const pauseMs = Math.min(Math.max(delayMs, 0), 2 ** 31 - 1);
    const dueAt = performance.now() + pauseMs;
    let timer = setTimeout(() => {
      if (performance.now() - dueAt < STOOD_STILL_MS) task();
      else timer = setTimeout(task, READ_FIRST_MS);
    }, pauseMs);
    return () => clearTimeout(timer);
  },
};
