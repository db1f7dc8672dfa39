import type { ChannelAudience } from './union.ts';

/** A question of an edge: may these viewers, whom it does not count, come? */
export interface SeatRequest {
  /** The edge's pod uid. */
  readonly edge: string;
  /** Hashes of the viewers' ids. */
  readonly ids: readonly string[];
  /** For how long a seat is kept for who is let in, until the edge counts them. */
  readonly holdSeconds: number;
  /** They have only looked at the multivariant playlist. */
  readonly provisional: boolean;
  /** They are in already, by the word of an earlier operator or of the edge. */
  readonly letIn: boolean;
}

/** Who of those that asked may come. Every id stands in exactly one list. */
export interface Admission {
  readonly admitted: string[];
  readonly refused: string[];
  /** The count is unknown: each edge decides by what it knows. */
  readonly undecided: string[];
}

/**
 * Who was counted so short a time ago has not given the seat up: a page that is loaded again, another tab of a session that
 * said goodbye, a player that was cut off for a moment. As long as the evidence of a playlist lasts at least.
 */
const COME_BACK_MS = 10_000;

/** Ids of each kind that one channel remembers: as many as an edge counts of a channel. Of more the oldest are forgotten. */
const MAX_REMEMBERED = 100_000;

/**
 * How many more there may be until they are forgotten, all at once: who looks for the first entry of a map passes the places of
 * all that were removed in front of it, tens of thousands for each id of a message that has ten thousand.
 */
const FORGOTTEN_AT_ONCE = MAX_REMEMBERED / 10;

interface Held {
  /** Edge that is about to count the viewer. */
  readonly edge: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/**
 * The seats of one channel. Edges ask before they let a new viewer in, so that all edges together never let in more than
 * the limit: the ids that are counted, wherever, and those that were let in a moment ago are never more than it when a new
 * one is let in. Who is counted already, at whichever edge, is always admitted; so is who was a moment ago, even if somebody
 * else has the seat by now.
 *
 * Who asks for the multivariant playlist only is no viewer yet, and may be a program: the seat that is kept then is kept
 * before others of that kind alone. It keeps a crowd from being let in where few fit, and cannot keep a viewer out.
 */
export class Seats {
  /** Ids that were let in, counted elsewhere or not, until their edge counts them; in the order of their times. */
  private readonly held = new Map<string, Held>();
  /** Ids that were counted a moment ago, and until when they may come back; in the order of that time. */
  private readonly departed = new Map<string, number>();
  /** Ids that were only told that there is a seat, and until when; in the order of that time. */
  private readonly provisional = new Map<string, number>();

  /** @param limit seats; undefined: as many as come */
  admit(request: SeatRequest, limit: number | undefined, audience: ChannelAudience, nowMs: number): Admission {
    this.forget(nowMs);
    const admission: Admission = { admitted: [], refused: [], undecided: [] };
    // Without a limit nobody asks how many seats are kept; counting them would cost more than the answer.
    let taken = limit === undefined ? 0 : audience.viewers + this.heldFor((id) => !audience.counts(id));
    for (const id of request.ids) {
      const isIn = audience.counts(id) || this.held.has(id);
      const isKnown =
        isIn || request.letIn || this.departed.has(id) || (request.provisional && this.provisional.has(id));
      const others = request.provisional ? this.provisional.size : 0;
      if (!isKnown && limit !== undefined && taken + others >= limit) {
        admission.refused.push(id);
        continue;
      }
      admission.admitted.push(id);
      if (!request.provisional) {
        if (!isIn) taken += 1;
        this.hold(id, request, nowMs);
      } else if (!isIn) this.holdProvisionally(id, request, nowMs);
    }
    return admission;
  }

  /** Keeps seats for those about whom the edge has to decide, and who are probably in then. */
  leaveToEdge(request: SeatRequest, nowMs: number): Admission {
    this.forget(nowMs);
    if (!request.provisional) for (const id of request.ids) this.hold(id, request, nowMs);
    return { admitted: [], refused: [], undecided: [...request.ids] };
  }

  /** An edge counts these viewers now: it needs no seat kept for them any more. */
  taken(edge: string, ids: readonly string[]): void {
    if (this.held.size === 0) return;
    for (const id of ids) if (this.held.get(id)?.edge === edge) this.held.delete(id);
  }

  /** Nobody counts these viewers any more. */
  gone(ids: readonly string[], nowMs: number): void {
    this.forget(nowMs);
    for (const id of ids) {
      this.departed.delete(id);
      this.departed.set(id, nowMs + COME_BACK_MS);
      forgetOldest(this.departed);
    }
  }

  /** These viewers said goodbye then; those that were let in since have come again. */
  left(ids: readonly string[], saidAtMs: number): void {
    for (const id of ids) {
      if ((this.held.get(id)?.sinceMs ?? Number.POSITIVE_INFINITY) <= saidAtMs) this.held.delete(id);
    }
  }

  private hold(id: string, { edge, holdSeconds }: SeatRequest, nowMs: number): void {
    this.provisional.delete(id);
    this.held.delete(id);
    this.held.set(id, { edge, sinceMs: nowMs, untilMs: nowMs + holdSeconds * 1000 });
    forgetOldest(this.held);
  }

  private holdProvisionally(id: string, { holdSeconds }: SeatRequest, nowMs: number): void {
    this.provisional.delete(id);
    this.provisional.set(id, nowMs + holdSeconds * 1000);
    forgetOldest(this.provisional);
  }

  /** Seats that are kept for ids of some kind: few, those who came within seconds. */
  private heldFor(isOfKind: (id: string) => boolean): number {
    let count = 0;
    for (const id of this.held.keys()) count += Number(isOfKind(id));
    return count;
  }

  /** The edges of a channel hold for the same time, or nearly: who stands behind one whose time is not over has time, too. */
  private forget(nowMs: number): void {
    for (const [id, { untilMs }] of this.held) {
      if (untilMs > nowMs) break;
      this.held.delete(id);
    }
    for (const expiring of [this.provisional, this.departed]) {
      for (const [id, untilMs] of expiring) {
        if (untilMs > nowMs) break;
        expiring.delete(id);
      }
    }
  }
}

/** @param ids in the order of their times */
function forgetOldest(ids: Map<string, unknown>): void {
  let surplus = ids.size - MAX_REMEMBERED;
  if (surplus <= FORGOTTEN_AT_ONCE) return;
  for (const id of ids.keys()) {
    if (surplus === 0) return;
    ids.delete(id);
    surplus -= 1;
  }
}
