/** Viewers of one channel who said goodbye. */
export interface Goodbye {
  readonly uid: string;
  /** Hashes of their ids. */
  readonly ids: readonly string[];
  /** How long ago; a sign of life since then has made it void. */
  readonly secondsAgo: number;
}

/** Longer than a heartbeat lasts with the usual time-out of 60 s: by then no edge counts the viewer anyway. */
const KEEP_MS = 120_000;
/** Goodbyes that are remembered, about 150 bytes each; the oldest go first, and expire where they are counted. */
const MAX_REMEMBERED = 50_000;

/** Goodbyes that an edge could not be told of, until it is linked again. */
export class RememberedGoodbyes {
  private readonly now: () => number;
  /** In the order in which they were heard. */
  private readonly entries: { readonly uid: string; readonly id: string; readonly atMs: number }[] = [];

  constructor(now: () => number) {
    this.now = now;
  }

  add({ uid, ids, secondsAgo }: Goodbye): void {
    const atMs = this.now() - secondsAgo * 1000;
    for (const id of ids) this.entries.push({ uid, id, atMs });
    const excess = this.entries.length - MAX_REMEMBERED;
    if (excess > 0) this.entries.splice(0, excess);
  }

  /** Those that still matter and that `counts` says yes to, by channel and age. */
  of(counts: (uid: string, id: string) => boolean): readonly Goodbye[] {
    const groups = new Map<string, { uid: string; ids: string[]; secondsAgo: number }>();
    for (const { uid, id, atMs } of this.entries) {
      const age = this.now() - atMs;
      if (age > KEEP_MS || !counts(uid, id)) continue;
      const secondsAgo = Math.floor(age / 1000);
      const group = groups.get(`${uid} ${secondsAgo}`) ?? { uid, ids: [], secondsAgo };
      groups.set(`${uid} ${secondsAgo}`, group);
      group.ids.push(id);
    }
    return [...groups.values()];
  }

  /** Every edge that may be told has been told. */
  clear(): void {
    this.entries.length = 0;
  }
}
