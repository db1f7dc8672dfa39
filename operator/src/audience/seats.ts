import type { ChannelAudience } from './union.ts';

/**
 * How long a seat is kept for a viewer who was let in and is not counted yet: from the multivariant playlist to the second
 * media playlist it is one target duration and the start of a player. Longer than an edge remembers that it let one in.
 */
const HOLD_MS = 30_000;

/** Who of those that asked may come. Every id stands in exactly one list. */
export interface Admission {
  readonly admitted: string[];
  readonly refused: string[];
  /** The count is unknown: each edge decides by what it knows. */
  readonly undecided: string[];
}

/**
 * The seats of one channel. Edges ask before they let a new viewer in, so that all edges together never let in more than
 * the limit: the ids that are counted, wherever, and those that were let in a moment ago are never more than it when a new
 * one is let in. Who is counted already, at whichever edge, is always admitted.
 */
export class Seats {
  /** Ids with a seat that are not counted yet, and until when, in the order of that time. */
  private readonly held = new Map<string, number>();

  /** @param limit seats; undefined: as many as come */
  admit(ids: readonly string[], limit: number | undefined, audience: ChannelAudience, nowMs: number): Admission {
    this.forget(nowMs);
    const admission: Admission = { admitted: [], refused: [], undecided: [] };
    for (const id of ids) {
      const isKnown = audience.counts(id) || this.held.has(id);
      const isFree = limit === undefined || audience.viewers + this.held.size < limit;
      if (!isKnown && !isFree) {
        admission.refused.push(id);
        continue;
      }
      admission.admitted.push(id);
      if (audience.counts(id)) continue;
      this.held.delete(id);
      this.held.set(id, nowMs + HOLD_MS);
    }
    return admission;
  }

  /** These viewers are counted now. */
  taken(ids: Iterable<string>): void {
    if (this.held.size === 0) return;
    for (const id of ids) this.held.delete(id);
  }

  private forget(nowMs: number): void {
    for (const [id, untilMs] of this.held) {
      if (untilMs > nowMs) return;
      this.held.delete(id);
    }
  }
}
