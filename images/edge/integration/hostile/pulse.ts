import { readFileSync } from 'node:fs';

/** Between two looks, in ms: the grain of what is measured. */
const LOOK_MILLISECONDS = 50;

/** For how long a process could have run and did not get a core, in seconds since its start (proc(5), schedstat). */
function waitedForCore(pid: number): number {
  const [, nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e9;
}

/** The longest time between two changes, in seconds. */
export interface LongestGap {
  readonly seconds: number;
  /** Without what either process waited for a core: that says nothing of what it does. */
  readonly ownSeconds: number;
}

/** How regularly a number grows, as somebody sees it who looks all the time. */
export class Pulse {
  readonly #value: () => number;
  readonly #pids: readonly number[];
  readonly #timer: NodeJS.Timeout;
  #last: number;
  #changedAt: LongestGap;
  #longest: LongestGap = { seconds: 0, ownSeconds: 0 };

  /**
   * @param value e.g. the number behind the newest segment that a playlist lists
   * @param pid of the process that makes it
   */
  constructor(value: () => number, pid: number) {
    this.#value = value;
    this.#pids = [pid, process.pid];
    this.#last = value();
    this.#changedAt = this.#clocks();
    this.#timer = setInterval(() => this.#look(), LOOK_MILLISECONDS);
  }

  /** Looks a last time. @returns the longest gap there was */
  end(): LongestGap {
    clearInterval(this.#timer);
    this.#look();
    return this.#longest;
  }

  #look(): void {
    const value = this.#value();
    if (value === this.#last) return;
    const now = this.#clocks();
    this.#longest = {
      seconds: Math.max(this.#longest.seconds, now.seconds - this.#changedAt.seconds),
      ownSeconds: Math.max(this.#longest.ownSeconds, now.ownSeconds - this.#changedAt.ownSeconds),
    };
    [this.#last, this.#changedAt] = [value, now];
  }

  /** The time, by a clock that always goes, and by one that stands while a process waits for a core. */
  #clocks(): LongestGap {
    const seconds = performance.now() / 1000;
    return { seconds, ownSeconds: this.#pids.reduce((rest, pid) => rest - waitedForCore(pid), seconds) };
  }
}
