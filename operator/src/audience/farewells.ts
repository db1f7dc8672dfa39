import type { ChannelAudiences, FollowedAudience } from './channel-audiences.ts';
import type { KnownEdges } from './edges.ts';
import { type Goodbye, RememberedGoodbyes } from './goodbyes.ts';
import type { ChannelAudience } from './union.ts';

/**
 * An edge gathers what it says of a viewer for tenths of a second; one that has much to say waits while the link is full or is
 * not read, for seconds. As long as goodbyes are remembered where nothing is wrong: a viewer who has come again since shows
 * later signs of life, which make an old goodbye void.
 */
const UNDER_WAY_MS = 30_000;

/** What becomes of a goodbye. */
export interface Farewell {
  /** Whether viewers of edges that are gone have left with it. */
  readonly taken: boolean;
  /** By edge, the ids that it counts too and has to be told of. */
  readonly others: ReadonlyMap<string, Goodbye>;
}

/**
 * Goodbyes over all edges: one that lives is told of viewers who left elsewhere, and says itself that it counts them no
 * more; for one that is gone it is done here. All goodbyes are remembered for a while: an edge may tell of the viewer
 * after the goodbye was heard, and what is told just before a link breaks may be lost with it.
 */
export class Farewells {
  private readonly now: () => number;
  private readonly edges: KnownEdges;
  private readonly channels: ChannelAudiences;
  private readonly goodbyes: RememberedGoodbyes;

  constructor(now: () => number, edges: KnownEdges, channels: ChannelAudiences) {
    this.now = now;
    this.edges = edges;
    this.channels = channels;
    this.goodbyes = new RememberedGoodbyes(now);
  }

  /** Takes goodbyes that were said at an edge to a channel that is followed. */
  said(edge: string, { audience, seats }: FollowedAudience, goodbye: Goodbye): Farewell {
    const { uid, ids, secondsAgo } = goodbye;
    const saidAtMs = this.now() - secondsAgo * 1000;
    const whoHaveNotComeSince = ids.filter((id) => audience.lastSignMs(id) <= saidAtMs);
    const taken = this.takeFromGone(audience, whoHaveNotComeSince);
    seats.left(ids, saidAtMs);
    this.goodbyes.add(edge, goodbye);
    this.prune();
    const others = new Map<string, Goodbye>();
    for (const name of this.edges.synced) {
      if (name === edge) continue;
      const counted = ids.filter((id) => audience.has(name, id));
      if (counted.length > 0) others.set(name, { uid, ids: counted, secondsAgo });
    }
    return { taken, others };
  }

  /** All that an edge may have missed, of viewers whom it counts. */
  missedBy(edge: string): readonly Goodbye[] {
    this.prune();
    return this.missed(edge);
  }

  /** What was heard of these viewers, whom the edge counts, while its news of them was on its way. */
  overtaking(edge: string, uid: string, ids: readonly string[]): readonly Goodbye[] {
    return this.goodbyes.missedOf(edge, uid, ids, UNDER_WAY_MS);
  }

  /** Viewers who have come to another edge, or said goodbye there, are no longer with one that is gone. @returns whether any were */
  takeFromGone(audience: ChannelAudience, ids: readonly string[]): boolean {
    let taken = false;
    for (const edge of this.edges.gone) {
      if (audience.idsOf(edge) === 0) continue;
      const here = ids.filter((id) => audience.has(edge, id));
      if (here.length > 0) audience.change(edge, [], here, this.now());
      taken ||= here.length > 0;
    }
    return taken;
  }

  /**
   * An edge, or the process in its pod, is gone and says nothing any more: viewers whom another edge counts too are that
   * one's to report, and who said goodbye elsewhere while it could not be told has left.
   */
  gone(edge: string): void {
    const { synced } = this.edges;
    for (const audience of this.channels.audiences()) audience.dropShared(edge, synced, this.now());
    for (const { uid, ids, secondsAgo } of this.missed(edge)) {
      const audience = this.channels.audience(uid);
      const saidAtMs = this.now() - secondsAgo * 1000;
      const left = ids.filter((id) => (audience?.lastSignMs(id) ?? 0) <= saidAtMs);
      audience?.change(edge, [], left, this.now());
    }
  }

  private missed(edge: string): readonly Goodbye[] {
    return this.goodbyes.missedBy(edge, (uid, id) => this.channels.audience(uid)?.has(edge, id) ?? false);
  }

  private prune(): void {
    this.goodbyes.prune(this.edges.isAnySilent);
  }
}
