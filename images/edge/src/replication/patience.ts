import { SILENT_MS } from './messages.ts';

/** What an owner may be silent for beyond its longest pause of late, in ms: the pauses of a busy machine vary. */
const ROOM_MS = 500;
/** The most in ms: viewers of a channel whose owner is really lost wait for as long. */
const MOST_MS = 3_000;
/** Pauses from here on in ms are outages, of a network or a node, and say nothing of how busy an owner is. */
const OUTAGE_MS = 5_000;
/** Time in ms for which a pause is remembered. */
const REMEMBERED_MS = 60_000;

/** Of so many ms, until then. */
interface Pause {
  readonly ms: number;
  readonly at: number;
}

/**
 * How long an owner may be silent before it counts as away. One whose process stands still now and then, on a machine that has
 * no time for it, is given more than its pauses of the last minute: else it would lose its channels with each of them.
 */
export class Patience {
  /** Of each owner, oldest first, and each shorter than the one before it: a longer one makes those before it forgotten. */
  readonly #pauses = new Map<string, readonly Pause[]>();

  /** The owner of this pod was heard at `now`, `pauseMs` after the time before; ms of the clock. */
  heard(podUid: string, pauseMs: number, now: number): void {
    if (pauseMs <= SILENT_MS - ROOM_MS || pauseMs >= OUTAGE_MS) return;
    for (const known of [...this.#pauses.keys()]) {
      const fresh = this.#fresh(known, now);
      if (fresh.length > 0) this.#pauses.set(known, fresh);
      else this.#pauses.delete(known);
    }
    const longer = this.#fresh(podUid, now).filter(({ ms }) => ms > pauseMs);
    this.#pauses.set(podUid, [...longer, { ms: pauseMs, at: now }]);
  }

  /** Silence in ms after which it counts as away. */
  limitMs(podUid: string, now: number): number {
    const longest = this.#fresh(podUid, now)[0]?.ms ?? 0;
    return Math.min(Math.max(SILENT_MS, longest + ROOM_MS), MOST_MS);
  }

  #fresh(podUid: string, now: number): readonly Pause[] {
    return (this.#pauses.get(podUid) ?? []).filter(({ at }) => now - at <= REMEMBERED_MS);
  }
}
