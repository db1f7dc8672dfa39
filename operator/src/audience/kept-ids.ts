import { RecencyList, type RecencyNode } from '@sluice/common/order/recency.ts';
import type { NamedIds } from './named-ids.ts';

/**
 * Ids of each kind that are kept at the word of one edge, in all channels together, some 230 bytes each: four thousand viewers
 * who come to it in each of the thirteen seconds for which a seat is usually kept, and whom it counts no sooner.
 */
export const MAX_KEPT_OF_EDGE = 50_000;

/** Times are rounded up to this, so that there are few different ones: each has a list of its own. */
const STEP_MS = 250;

/** An id that is kept until some time. */
export interface KeptId {
  readonly id: string;
  /** Edge at whose word it is kept. */
  readonly edge: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

interface Kept extends KeptId {
  readonly list: RecencyList<Kept>;
}

/**
 * Ids of a channel that are kept for a while, as long as edges say. All is O(1), but to forget those whose time is over, which
 * costs as much as they are: those with equal times stand in one list, in the order in which they end.
 */
export class KeptIds {
  private readonly nodes = new Map<string, RecencyNode<Kept>>();
  /** By how long the ids in it are kept, in ms. */
  private readonly lists = new Map<number, RecencyList<Kept>>();
  private readonly room: NamedIds;

  /** @param room is told how many ids are kept at the word of each edge; what other channels keep counts with it */
  constructor(room: NamedIds) {
    this.room = room;
  }

  get size(): number {
    return this.nodes.size;
  }

  /** As long as it is kept; {@link forget} tells it the time. */
  get(id: string): KeptId | undefined {
    return this.nodes.get(id)?.item;
  }

  has(id: string): boolean {
    return this.nodes.has(id);
  }

  /** Keeps an id from now on, whatever was kept of it before. @returns false where the edge has no room: all is as before */
  keep(id: string, edge: string, nowMs: number, forMs: number): boolean {
    const before = this.nodes.get(id)?.item.edge;
    if (before !== edge && this.room.of(edge) >= MAX_KEPT_OF_EDGE) return false;
    this.delete(id);
    const lastsMs = Math.ceil(forMs / STEP_MS) * STEP_MS;
    const list = this.lists.get(lastsMs) ?? new RecencyList();
    this.lists.set(lastsMs, list);
    const kept = { id, edge, sinceMs: nowMs, untilMs: nowMs + lastsMs, list };
    this.nodes.set(id, list.add(kept, nowMs));
    this.room.add(edge, 1);
    return true;
  }

  delete(id: string): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    node.item.list.remove(node);
    this.nodes.delete(id);
    this.room.add(node.item.edge, -1);
  }

  /** Forgets those whose time is over. @param each is called with each of them, which is forgotten by then */
  forget(nowMs: number, each: (id: string) => void = () => {}): void {
    for (const [lastsMs, list] of this.lists) {
      for (let node = list.oldest; node !== null && node.item.untilMs <= nowMs; node = list.oldest) {
        this.delete(node.item.id);
        each(node.item.id);
      }
      if (list.oldest === null) this.lists.delete(lastsMs);
    }
  }

  /** Nobody asks any more. */
  clear(): void {
    for (const { item } of this.nodes.values()) this.room.add(item.edge, -1);
    this.nodes.clear();
    this.lists.clear();
  }
}
