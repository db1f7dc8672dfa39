import type { Clock } from './clock.ts';
import { requestLeaseMs } from './lease.ts';

/** What the demand for one channel on this edge is measured by. */
export interface DemandContext {
  readonly clock: Clock;
  /** Null as long as it is not known. */
  readonly targetDurationSeconds: () => number | null;
  /** Called when the newest request's lease has ended: {@link Demand.look} again. */
  readonly ended: () => void;
}

/** Whether anybody wants a channel on this edge: viewers who are counted, and requests of those who are not yet. */
export class Demand {
  readonly #context: DemandContext;
  #viewers = 0;
  #requestedAt = Number.NEGATIVE_INFINITY;
  #cancel = (): void => {};

  constructor(context: DemandContext) {
    this.#context = context;
  }

  /** So many viewers are counted. @returns whether there are some now and were none, or the other way round */
  setViewers(viewers: number): boolean {
    const isNew = viewers > 0 !== this.#viewers > 0;
    this.#viewers = viewers;
    return isNew;
  }

  /**
   * A media playlist is asked for: the channel is wanted for as long as {@link requestLeaseMs} says. The end of a lease
   * that runs looks at the newest request by itself: nothing else is to do for it.
   * @returns whether a lease ran before
   */
  request(): boolean {
    const ran = this.#endsAt() > this.#context.clock.now();
    this.#requestedAt = this.#context.clock.now();
    return ran;
  }

  /** Whether anybody wants the channel now; looked at again when the lease ends. */
  look(): boolean {
    const { clock, ended } = this.#context;
    const leftMs = this.#endsAt() - clock.now();
    this.#cancel();
    if (leftMs > 0) this.#cancel = clock.after(leftMs, ended);
    return this.#viewers > 0 || leftMs > 0;
  }

  /** `ended` is not called any more. */
  close(): void {
    this.#cancel();
  }

  #endsAt(): number {
    return this.#requestedAt + requestLeaseMs(this.#context.targetDurationSeconds());
  }
}
