/** An operator answers a question within a second, or nobody waits for it any more ({@link Admissions}). */
const KEEP_MS = 2_000;
/** Goodbyes that are remembered, about 150 bytes each; the oldest go first, and expire where they are counted. */
const MAX_KEPT = 20_000;

/**
 * Who said goodbye a moment ago: a sign of life from before may still wait for the operator's answer, and must not count
 * then.
 */
export class RecentGoodbyes {
  /** In the order in which they were heard, with the time of the goodbye. By `<channel uid> <hash>`. */
  readonly #entries = new Map<string, { readonly leftAt: number; readonly heardAt: number }>();

  /** @param leftAt when the viewer left, in ms @param now in ms */
  add(uid: string, hash: string, leftAt: number, now: number): void {
    this.sweep(now);
    const name = `${uid} ${hash}`;
    const latest = Math.max(leftAt, this.#entries.get(name)?.leftAt ?? Number.NEGATIVE_INFINITY);
    this.#entries.delete(name);
    this.#entries.set(name, { leftAt: latest, heardAt: now });
    const [oldest] = this.#entries.size > MAX_KEPT ? this.#entries.keys() : [];
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Whether the viewer has left at this time or later, as far as is remembered. */
  hasLeftSince(uid: string, hash: string, atMs: number): boolean {
    return (this.#entries.get(`${uid} ${hash}`)?.leftAt ?? Number.NEGATIVE_INFINITY) >= atMs;
  }

  /** Forgets those whose time is over. */
  sweep(now: number): void {
    for (const [name, { heardAt }] of this.#entries) {
      if (now - heardAt <= KEEP_MS) break;
      this.#entries.delete(name);
    }
  }
}
