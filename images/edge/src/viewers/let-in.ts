/** Viewers whom the operator has let in and who need not ask again for a while. Ids are told by their hashes. */
export class LetIn {
  /** Nearly in the order in which they end. By `<channel uid> <hash>`. */
  readonly #entries = new Map<string, { readonly at: number; readonly until: number }>();

  /** @param now in ms @param forMs how long */
  add(uid: string, hash: string, now: number, forMs: number): void {
    this.remove(uid, hash);
    this.#entries.set(nameOf(uid, hash), { at: now, until: now + forMs });
  }

  has(uid: string, hash: string, now: number): boolean {
    return (this.#entries.get(nameOf(uid, hash))?.until ?? Number.NEGATIVE_INFINITY) > now;
  }

  remove(uid: string, hash: string): void {
    this.#entries.delete(nameOf(uid, hash));
  }

  /** The viewer said goodbye then; who was let in since has come again. */
  left(uid: string, hash: string, leftAt: number): void {
    if ((this.#entries.get(nameOf(uid, hash))?.at ?? Number.POSITIVE_INFINITY) <= leftAt) this.remove(uid, hash);
  }

  /** Hashes of all who were let in, by channel uid. */
  byChannel(): ReadonlyMap<string, readonly string[]> {
    const channels = new Map<string, string[]>();
    for (const name of this.#entries.keys()) {
      const [uid = '', hash = ''] = name.split(' ');
      const hashes = channels.get(uid);
      if (hashes === undefined) channels.set(uid, [hash]);
      else hashes.push(hash);
    }
    return channels;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Forgets those whose time is over. */
  sweep(now: number): void {
    for (const [name, { until }] of this.#entries) {
      if (until > now) break;
      this.#entries.delete(name);
    }
  }
}

function nameOf(uid: string, hash: string): string {
  return `${uid} ${hash}`;
}
