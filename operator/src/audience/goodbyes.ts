import { RecencyList, type RecencyNode } from '@sluice/common/order/recency.ts';

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
/** Goodbyes that are remembered, about 250 bytes each; the oldest go first, and expire where they are counted. */
const MAX_REMEMBERED = 50_000;
/** Goodbyes of one edge and channel come in bundles, and need not be told apart any finer: a page takes longer to reload. */
const AGE_STEP_MS = 10;
/**
 * Channels and ages that an edge is told of in one go, each a message: half of what may wait for an edge that does not read
 * (outbox.ts), or one that has just been linked would be cut for it again and again.
 */
const MAX_TOLD_AT_ONCE = 1_000;

interface RememberedGoodbye {
  readonly uid: string;
  readonly id: string;
  /** Edge that it was said at. */
  readonly edge: string;
  readonly saidAtMs: number;
}

/** Goodbyes that an edge may not have been told of: the latest of each viewer. */
export class RememberedGoodbyes {
  private readonly now: () => number;
  /** In the order in which they were heard. By `<uid> <id>`. */
  private readonly entries = new Map<string, RecencyNode<RememberedGoodbye>>();
  /** The same: who looks for the first of a map passes the places of all that were removed in front of it. */
  private readonly order = new RecencyList<RememberedGoodbye>();

  constructor(now: () => number) {
    this.now = now;
  }

  /** @param edge that it was said at */
  add(edge: string, { uid, ids, secondsAgo }: Goodbye): void {
    const heardAtMs = this.now();
    const toldAtMs = heardAtMs - secondsAgo * 1000;
    for (const id of ids) {
      const name = nameOf(uid, id);
      const node = this.entries.get(name);
      const known = node?.item;
      // An older one that is told again does not undo a later one.
      const latest = known !== undefined && known.saidAtMs > toldAtMs ? known : { edge, saidAtMs: toldAtMs };
      if (node !== undefined) this.forget(node);
      const goodbye = { uid, id, edge: latest.edge, saidAtMs: latest.saidAtMs };
      this.entries.set(name, this.order.add(goodbye, heardAtMs));
    }
    for (let node = this.order.oldest; this.entries.size > MAX_REMEMBERED && node !== null; node = this.order.oldest) {
      this.forget(node);
    }
  }

  /**
   * Those that still matter and were said elsewhere, of all whom an edge counts, by channel and age, the last ones first.
   * Of too many the oldest are left out: they expire where they are counted.
   */
  missedBy(edge: string, counts: (uid: string, id: string) => boolean): readonly Goodbye[] {
    return this.bundled(
      [...this.entries.values()].reverse(),
      ({ item: one }) => one.edge !== edge && counts(one.uid, one.id),
    );
  }

  /** As {@link missedBy}, of these ids of a channel and heard so lately; costs as much as there are ids. */
  missedOf(edge: string, uid: string, ids: readonly string[], withinMs: number): readonly Goodbye[] {
    if (this.entries.size === 0) return [];
    const heardFromMs = this.now() - withinMs;
    const known = ids.flatMap((id) => this.entries.get(nameOf(uid, id)) ?? []);
    return this.bundled(known, ({ item, at }) => item.edge !== edge && at >= heardFromMs);
  }

  /** Forgets what is of no use any more. @param isAnySilent whether there is an edge that cannot be told now */
  prune(isAnySilent: boolean): void {
    const oldestMs = this.now() - (isAnySilent ? KEEP_MS : KEEP_TOLD_MS);
    for (let node = this.order.oldest; node !== null && node.at < oldestMs; node = this.order.oldest) this.forget(node);
  }

  private bundled(
    goodbyes: readonly RecencyNode<RememberedGoodbye>[],
    matters: (one: RecencyNode<RememberedGoodbye>) => boolean,
  ): readonly Goodbye[] {
    const groups = new Map<string, { uid: string; ids: string[]; secondsAgo: number }>();
    for (const node of goodbyes) {
      const one = node.item;
      const age = this.now() - one.saidAtMs;
      if (age > KEEP_MS || !matters(node)) continue;
      const secondsAgo = (Math.floor(age / AGE_STEP_MS) * AGE_STEP_MS) / 1000;
      const name = `${one.uid} ${secondsAgo}`;
      const group = groups.get(name) ?? { uid: one.uid, ids: [], secondsAgo };
      if (!groups.has(name) && groups.size === MAX_TOLD_AT_ONCE) continue;
      groups.set(name, group);
      group.ids.push(one.id);
    }
    return [...groups.values()];
  }

  private forget(node: RecencyNode<RememberedGoodbye>): void {
    this.order.remove(node);
    this.entries.delete(nameOf(node.item.uid, node.item.id));
  }
}

function nameOf(uid: string, id: string): string {
  return `${uid} ${id}`;
}
