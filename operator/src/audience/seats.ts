import { KeptIds } from './kept-ids.ts';
import { NamedIds } from './named-ids.ts';
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
  /** The count is unknown, or the edge has asked for more than is kept in mind: it decides by what it knows. */
  readonly undecided: string[];
}

/**
 * Who was counted so short a time ago has not given the seat up: a page that is loaded again, another tab of a session that
 * said goodbye, a player that was cut off for a moment. As long as the evidence of a playlist lasts at least.
 */
const COME_BACK_MS = 10_000;

/** How many ids of each kind the seats of all channels keep in mind, by edge. */
export class SeatRoom {
  readonly held = new NamedIds();
  readonly departed = new NamedIds();
  readonly provisional = new NamedIds();
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
  private readonly audience: ChannelAudience;
  /** Ids that were let in, counted elsewhere or not, until their edge counts them. */
  private readonly held: KeptIds;
  /** Ids that were counted a moment ago, and may come back. */
  private readonly departed: KeptIds;
  /** Ids that were only told that there is a seat. */
  private readonly provisional: KeptIds;
  /** How many of those that were let in no edge counts: they and the viewers have taken seats. */
  private coming = 0;

  /** @param audience of the channel; it tells nobody else who is counted */
  constructor(audience: ChannelAudience, room: SeatRoom = new SeatRoom()) {
    this.audience = audience;
    this.held = new KeptIds(room.held);
    this.departed = new KeptIds(room.departed);
    this.provisional = new KeptIds(room.provisional);
    audience.onCounted = (id, isCounted) => {
      if (this.held.has(id)) this.coming += isCounted ? -1 : 1;
    };
  }

  /** @param limit seats; undefined: as many as come */
  admit(request: SeatRequest, limit: number | undefined, nowMs: number): Admission {
    this.forget(nowMs);
    const admission: Admission = { admitted: [], refused: [], undecided: [] };
    if (limit === undefined) return { ...admission, admitted: [...request.ids] };
    for (const id of request.ids) {
      if (!this.hasSeat(id, request, limit)) admission.refused.push(id);
      else if (this.keepSeat(id, request, nowMs)) admission.admitted.push(id);
      else admission.undecided.push(id);
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
    for (const id of ids) if (this.held.get(id)?.edge === edge) this.release(id);
  }

  /** Nobody counts these viewers any more, whom this edge counted last. */
  gone(edge: string, ids: readonly string[], nowMs: number): void {
    this.forget(nowMs);
    for (const id of ids) this.departed.keep(id, edge, nowMs, COME_BACK_MS);
  }

  /** These viewers said goodbye then; those that were let in since have come again. */
  left(ids: readonly string[], saidAtMs: number): void {
    for (const id of ids) {
      if ((this.held.get(id)?.sinceMs ?? Number.POSITIVE_INFINITY) <= saidAtMs) this.release(id);
    }
  }

  /** Forgets those whose time is over. */
  forget(nowMs: number): void {
    this.held.forget(nowMs, (id) => this.released(id));
    this.provisional.forget(nowMs);
    this.departed.forget(nowMs);
  }

  /** The channel is gone. */
  end(): void {
    this.audience.onCounted = null;
    for (const kept of [this.held, this.provisional, this.departed]) kept.clear();
  }

  private hasSeat(id: string, { provisional, letIn }: SeatRequest, limit: number): boolean {
    if (letIn || this.isIn(id) || this.departed.has(id) || (provisional && this.provisional.has(id))) return true;
    const taken = this.audience.viewers + this.audience.awaitedViewers + this.coming;
    return taken + (provisional ? this.provisional.size : 0) < limit;
  }

  private isIn(id: string): boolean {
    return this.audience.counts(id) || this.audience.awaits(id) || this.held.has(id);
  }

  /** @returns false where there is no room to keep it in mind */
  private keepSeat(id: string, request: SeatRequest, nowMs: number): boolean {
    if (!request.provisional) return this.hold(id, request, nowMs);
    // Who is not kept in mind is shown the seat of somebody else, no more.
    if (!this.isIn(id)) this.provisional.keep(id, request.edge, nowMs, request.holdSeconds * 1000);
    return true;
  }

  private hold(id: string, { edge, holdSeconds }: SeatRequest, nowMs: number): boolean {
    const wasHeld = this.held.has(id);
    if (!this.held.keep(id, edge, nowMs, holdSeconds * 1000)) return false;
    this.provisional.delete(id);
    if (!wasHeld && !this.audience.counts(id)) this.coming += 1;
    return true;
  }

  private release(id: string): void {
    this.held.delete(id);
    this.released(id);
  }

  private released(id: string): void {
    if (!this.audience.counts(id)) this.coming -= 1;
  }
}
