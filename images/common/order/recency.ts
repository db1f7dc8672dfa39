/** One item in a {@link RecencyList}. */
export interface RecencyNode<T> {
  readonly item: T;
  /** When it was last touched, ms. */
  at: number;
  older: RecencyNode<T> | null;
  newer: RecencyNode<T> | null;
}

/**
 * Items in the order of their last sign of life: touch, remove and a look at the oldest are O(1), so expiry costs only
 * what has expired. (A Map in insertion order leaves holes at its front that each look would walk over.)
 */
export class RecencyList<T> {
  #oldest: RecencyNode<T> | null = null;
  #newest: RecencyNode<T> | null = null;

  get oldest(): RecencyNode<T> | null {
    return this.#oldest;
  }

  add(item: T, now: number): RecencyNode<T> {
    const node: RecencyNode<T> = { item, at: now, older: null, newer: null };
    this.#append(node, now);
    return node;
  }

  touch(node: RecencyNode<T>, now: number): void {
    this.remove(node);
    this.#append(node, now);
  }

  /** The node must be in this list. */
  remove(node: RecencyNode<T>): void {
    if (node.older === null) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === null) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = null;
    node.newer = null;
  }

  #append(node: RecencyNode<T>, now: number): void {
    // A clock that steps back must not break the order.
    node.at = this.#newest === null ? now : Math.max(now, this.#newest.at);
    node.older = this.#newest;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }
}
