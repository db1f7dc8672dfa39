import type { OwnerReport } from '@sluice/common/link/owner-report.ts';

interface Watched {
  readonly pod: string;
  readonly isTold: boolean;
}

/**
 * Finds in the reports of owners how long each transcode pod took to its first segments. Only a pod that was seen
 * before it had them counts: what is in the first report that an operator hears was measured by the one before it.
 */
export class FirstSegmentTimes {
  readonly #tell: (seconds: number) => void;
  /** By the state of the channel: what is known of one goes with it. */
  readonly #watched = new WeakMap<object, Watched>();

  /** @param tell gets seconds from the start of an agent until each of its rungs had a segment stored */
  constructor(tell: (seconds: number) => void) {
    this.#tell = tell;
  }

  /** Takes in the newest report of a channel's owner. @param state that lives as long as the channel */
  take(state: object, { session }: OwnerReport): void {
    if (session === null) return;
    const pod = `${session.name}-${session.attempt}`;
    const seconds = session.firstSegmentsSeconds;
    const last = this.#watched.get(state);
    if (last?.pod === pod && !last.isTold && seconds !== undefined) this.#tell(seconds);
    this.#watched.set(state, { pod, isTold: seconds !== undefined });
  }
}
