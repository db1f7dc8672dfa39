import { INCIDENTS_MAX, type Incident, type IncidentReason } from '@sluice/common/work/incident.ts';

/** The incidents of this pod, of which each report carries the newest. */
export class Incidents {
  readonly #now: () => number;
  #all: readonly Incident[] = [];
  #unreported = 0;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(reason: IncidentReason, message: string): void {
    const incident = { reason, message, time: new Date(this.#now()).toISOString() };
    this.#all = [...this.#all, incident].slice(-INCIDENTS_MAX);
    this.#unreported += 1;
  }

  /** What the next report says, the oldest first. */
  get all(): readonly Incident[] {
    return this.#all;
  }

  /** Whether the owner has not heard of all of them. */
  get hasNews(): boolean {
    return this.#unreported > 0;
  }

  /** A report with all that was known at its making has arrived. */
  reported(): void {
    this.#unreported = 0;
  }
}
