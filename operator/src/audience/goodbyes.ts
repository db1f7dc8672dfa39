/** Viewers of one channel who said goodbye. */
export interface Goodbye {
  readonly uid: string;
  /** Hashes of their ids. */
  readonly ids: readonly string[];
  /** How long ago, to the hundredth of a second; a sign of life since then has made it void. */
  readonly secondsAgo: number;
}

/** Longer than a heartbeat lasts with the usual time-out of 60 s: by then no edge counts the viewer anyway. */
const KEEP_MS = 120_000;
/**
 * Longer than a link can be dead before either end notices it (two pings of 10 s) and the next one is up: what was told
 * on it in the meantime has to be told again.
 */
const KEEP_TOLD_MS = 30_000;
/** Goodbyes that are remembered, about 150 bytes each; the oldest go first, and expire where they are counted. */
const MAX_REMEMBERED = 50_000;
/** Goodbyes of one edge and channel come in bundles, and need not be told apart any finer: a page takes longer to reload. */
const AGE_STEP_MS = 10;
/**
 * Channels and ages that an edge is told of in one go, each a message: half of what may wait for an edge that does not read
 * (outbox.ts), or one that has just been linked would be cut for it again and again.
 */
const MAX_TOLD_AT_ONCE = 1_000;

/** Goodbyes that an edge may not have been told of. */
export class RememberedGoodbyes {
  private readonly now: () => number;
  /** In the order in which they were heard. */
  private readonly entries: {
    readonly uid: string;
    readonly id: string;
    readonly saidAtMs: number;
    readonly heardAtMs: number;
  }[] = [];

  constructor(now: () => number) {
    this.now = now;
  }

  add({ uid, ids, secondsAgo }: Goodbye): void {
    const heardAtMs = this.now();
    const saidAtMs = heardAtMs - secondsAgo * 1000;
    for (const id of ids) this.entries.push({ uid, id, saidAtMs, heardAtMs });
    const excess = this.entries.length - MAX_REMEMBERED;
    if (excess > 0) this.entries.splice(0, excess);
  }

  /**
   * Those that still matter and that `counts` says yes to, by channel and age, the last ones first. Of too many the oldest
   * are left out: they expire where they are counted.
   * @param withinMs only those heard so lately; all if left out
   */
  of(counts: (uid: string, id: string) => boolean, withinMs: number = KEEP_MS): readonly Goodbye[] {
    const groups = new Map<string, { uid: string; ids: string[]; secondsAgo: number }>();
    const nowMs = this.now();
    for (let index = this.entries.length - 1; index >= 0; index -= 1) {
      const { uid, id, saidAtMs, heardAtMs } = this.entries[index] as (typeof this.entries)[number];
      if (nowMs - heardAtMs > withinMs) break;
      const age = nowMs - saidAtMs;
      if (age > KEEP_MS || !counts(uid, id)) continue;
      const secondsAgo = (Math.floor(age / AGE_STEP_MS) * AGE_STEP_MS) / 1000;
      const name = `${uid} ${secondsAgo}`;
      const group = groups.get(name) ?? { uid, ids: [], secondsAgo };
      if (!groups.has(name) && groups.size === MAX_TOLD_AT_ONCE) continue;
      groups.set(name, group);
      group.ids.push(id);
    }
    return [...groups.values()];
  }

  /** Forgets what is of no use any more. @param isAnySilent whether there is an edge that cannot be told now */
  prune(isAnySilent: boolean): void {
    const oldestMs = this.now() - (isAnySilent ? KEEP_MS : KEEP_TOLD_MS);
    const first = this.entries.findIndex(({ heardAtMs }) => heardAtMs >= oldestMs);
    this.entries.splice(0, first < 0 ? this.entries.length : first);
  }
}
