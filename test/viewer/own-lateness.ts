/** How often the event loop is looked at, in ms. */
const LOOK_MILLISECONDS = 100;
/** A look that comes later than this by as much was kept waiting; less is the grain of timers. */
const LEAST_MILLISECONDS = 100;
/** Far more than the buffers of players hold, in ms. */
const REMEMBERED_MILLISECONDS = 60_000;

interface Late {
  /** When the look was due, and when it came, in ms. */
  readonly from: number;
  readonly to: number;
}

/**
 * When the process of the virtual viewers was late itself: they all share one event loop, and a segment that it could not
 * take in time has been kept waiting by the machine, or by the viewers themselves, not by who served it.
 */
export class OwnLateness {
  readonly #now: () => number;
  #late: Late[] = [];
  #dueAt: number;
  #longest = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param now ms of a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#dueAt = now() + LOOK_MILLISECONDS;
  }

  /** Looks from now on. */
  start(): void {
    this.#dueAt = this.#now() + LOOK_MILLISECONDS;
    this.#timer = setInterval(() => this.look(), LOOK_MILLISECONDS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The longest that a look came late, in ms. */
  get longest(): number {
    return this.#longest;
  }

  /** One look at the clock; the next one is due 100 ms after it. */
  look(): void {
    const now = this.#now();
    const late = now - this.#dueAt;
    this.#longest = Math.max(this.#longest, late);
    if (late >= LEAST_MILLISECONDS) this.#late.push({ from: this.#dueAt, to: now });
    this.#late = this.#late.filter(({ to }) => to >= now - REMEMBERED_MILLISECONDS);
    this.#dueAt = now + LOOK_MILLISECONDS;
  }

  /** For how many ms of this time the process was late, the look that is due at the moment included. */
  within(from: number, to: number): number {
    const now = this.#now();
    const running = now - this.#dueAt >= LEAST_MILLISECONDS ? [{ from: this.#dueAt, to: now }] : [];
    return [...this.#late, ...running].reduce(
      (sum, late) => sum + Math.max(0, Math.min(to, late.to) - Math.max(from, late.from)),
      0,
    );
  }
}
