interface Entry {
  readonly at: number;
  readonly until: number;
}

/** Viewers whom the operator has let in and who need not ask again for a while. Ids are told by their hashes. */
export class LetIn {
  /** By channel uid and hash; those of a channel nearly in the order in which they end: each has the same time. */
  readonly #channels = new Map<string, Map<string, Entry>>();

  /** @param now in ms @param forMs how long */
  add(uid: string, hash: string, now: number, forMs: number): void {
    const entries = this.#channels.get(uid) ?? new Map<string, Entry>();
    this.#channels.set(uid, entries);
    entries.delete(hash);
    entries.set(hash, { at: now, until: now + forMs });
  }

  has(uid: string, hash: string, now: number): boolean {
    return (this.#channels.get(uid)?.get(hash)?.until ?? Number.NEGATIVE_INFINITY) > now;
  }

  remove(uid: string, hash: string): void {
    const entries = this.#channels.get(uid);
    entries?.delete(hash);
    if (entries?.size === 0) this.#channels.delete(uid);
  }

  /** The viewer said goodbye then; who was let in since has come again. */
  left(uid: string, hash: string, leftAt: number): void {
    if ((this.#channels.get(uid)?.get(hash)?.at ?? Number.POSITIVE_INFINITY) <= leftAt) this.remove(uid, hash);
  }

  /** Hashes of all who are let in to a channel. */
  of(uid: string, now: number): readonly string[] {
    return [...(this.#channels.get(uid) ?? [])].flatMap(([hash, { until }]) => (until > now ? [hash] : []));
  }

  get isEmpty(): boolean {
    return this.#channels.size === 0;
  }

  /** Forgets those whose time is over. */
  sweep(now: number): void {
    for (const [uid, entries] of this.#channels) {
      for (const [hash, { until }] of entries) {
        if (until > now) break;
        entries.delete(hash);
      }
      if (entries.size === 0) this.#channels.delete(uid);
    }
  }
}
