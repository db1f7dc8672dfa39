import { NamedIds } from './named-ids.ts';

/** An id hash (16 hex digits) with the quality of its evidence. */
export interface EvidencedId {
  readonly id: string;
  /** True for ids that have asked for media playlists, false for those that only sent heartbeats. */
  readonly trusted: boolean;
}

interface Viewer {
  /** Edges that count this id. */
  edges: number;
  /** Edges on which its evidence is trusted. */
  trustedEdges: number;
  /** Last sign of life in ms since the epoch. */
  lastSignMs: number;
}

/**
 * How far an edge is that says all it knows. A number: it has not come to this channel yet, and counted so many ids here when
 * it began. Else it has come: ids that it counted when it began, nobody counts now, and it may name yet, since one message
 * does not hold the ids of a large channel.
 */
type Telling = number | ReadonlySet<string>;

/** Where nobody is missing: one for all, as there may be thousands of channels of which all edges tell at a time. */
const NOBODY: ReadonlySet<string> = new Set();

/**
 * The union of the ids that several edges count for one channel. Each edge's own set is kept beside the union, so
 * that an edge's share can be replaced or taken away without asking the others; every call costs as much as the
 * change that it brings.
 */
export class ChannelAudience {
  private readonly byEdge = new Map<string, Map<string, boolean>>();
  private readonly union = new Map<string, Viewer>();
  private readonly named: NamedIds;
  /** Edges that are saying all they know: kept here, it goes with the channel. */
  private readonly telling = new Map<string, Telling>();
  private trustedViewers = 0;
  /** Called with each id that some edge counts now and none did before, and with each that none counts any more. */
  onCounted: ((id: string, isCounted: boolean) => void) | null = null;

  /** @param named is told how many ids each edge names here */
  constructor(named: NamedIds = new NamedIds()) {
    this.named = named;
  }

  /** Number of different ids. */
  get viewers(): number {
    return this.union.size;
  }

  /** Number of different ids that at least one edge trusts. */
  get trusted(): number {
    return this.trustedViewers;
  }

  /** Number of ids that an edge which is saying all it knows counted before and may name yet, and that nobody counts. */
  get awaitedViewers(): number {
    let awaited = 0;
    for (const ids of this.telling.values()) if (typeof ids !== 'number') awaited += ids.size;
    return awaited;
  }

  /** Whether this id is one of {@link awaitedViewers}. */
  awaits(id: string): boolean {
    for (const ids of this.telling.values()) if (typeof ids !== 'number' && ids.has(id)) return true;
    return false;
  }

  /** Number of ids that `edge` counts. */
  idsOf(edge: string): number {
    return this.byEdge.get(edge)?.size ?? 0;
  }

  /** Makes `ids` everything that `edge` counts. An id that it counted before shows no new sign of life by that. */
  replace(edge: string, ids: readonly EvidencedId[], nowMs: number): void {
    const next = new Set(ids.map(({ id }) => id));
    const gone = [...(this.byEdge.get(edge)?.keys() ?? [])].filter((id) => !next.has(id));
    this.change(edge, ids, gone, nowMs);
  }

  /** An edge begins to say all that it knows, of this channel and others. */
  snapshotBegins(edge: string): void {
    const ids = this.idsOf(edge);
    if (ids > 0) this.telling.set(edge, ids);
    else this.telling.delete(edge);
  }

  /** {@link replace}, as a part of all that the edge says. */
  snapshot(edge: string, ids: readonly EvidencedId[], nowMs: number): void {
    const telling = this.telling.get(edge);
    // Not those that it has named since it began: one that names and takes back would fill the memory.
    const most = typeof telling === 'number' ? telling : 0;
    const before = [...(this.byEdge.get(edge)?.keys() ?? [])].slice(0, most);
    this.replace(edge, ids, nowMs);
    const awaited = before.filter((id) => !this.union.has(id));
    this.telling.set(edge, awaited.length > 0 ? new Set(awaited) : NOBODY);
  }

  /** The edge has said all: it counts nobody here if it did not come to this channel. */
  snapshotEnds(edge: string, nowMs: number): void {
    const hasCome = typeof this.telling.get(edge) === 'object';
    this.telling.delete(edge);
    if (!hasCome) this.replace(edge, [], nowMs);
  }

  /** Adds ids or changes their evidence, then takes ids away; an id that is both joined and left has left. */
  change(edge: string, joined: readonly EvidencedId[], left: readonly string[], nowMs: number): void {
    const ids = this.byEdge.get(edge) ?? new Map<string, boolean>();
    const idsBefore = ids.size;
    for (const { id, trusted } of joined) {
      const before = ids.get(id);
      ids.set(id, trusted);
      this.count(id, before === undefined ? 1 : 0, Number(trusted) - Number(before ?? false), nowMs);
    }
    for (const id of left) {
      const before = ids.get(id);
      if (before === undefined) continue;
      ids.delete(id);
      this.count(id, -1, -Number(before), nowMs);
    }
    this.named.add(edge, ids.size - idsBefore);
    if (ids.size === 0) this.byEdge.delete(edge);
    else this.byEdge.set(edge, ids);
  }

  /** Whether any edge counts this id. */
  counts(id: string): boolean {
    return this.union.has(id);
  }

  /** Whether `edge` counts this id. */
  has(edge: string, id: string): boolean {
    return this.byEdge.get(edge)?.has(id) ?? false;
  }

  /** Calls what `edge` counts by another name, under which nothing may be counted yet. */
  rename(edge: string, name: string): void {
    const ids = this.byEdge.get(edge);
    if (ids === undefined) return;
    this.byEdge.delete(edge);
    this.byEdge.set(name, ids);
    this.named.add(edge, -ids.size);
    this.named.add(name, ids.size);
  }

  /** Nobody names ids here any more: the channel is gone. */
  end(): void {
    for (const [edge, ids] of this.byEdge) this.named.add(edge, -ids.size);
    this.byEdge.clear();
    this.union.clear();
    this.telling.clear();
    this.trustedViewers = 0;
  }

  /** Takes from `edge` what other edges count too. @param others their names */
  dropShared(edge: string, others: readonly string[], nowMs: number): void {
    const ids = [...(this.byEdge.get(edge)?.keys() ?? [])];
    const shared = ids.filter((id) => others.some((other) => this.has(other, id)));
    if (shared.length > 0) this.change(edge, [], shared, nowMs);
  }

  /** Notes signs of life; ids that nobody counts are ignored. */
  signs(ids: readonly string[], atMs: number): void {
    for (const id of ids) {
      const viewer = this.union.get(id);
      if (viewer !== undefined) viewer.lastSignMs = Math.max(viewer.lastSignMs, atMs);
    }
  }

  /** When an id was heard to live last, in ms since the epoch; 0 if nobody counts it. */
  lastSignMs(id: string): number {
    return this.union.get(id)?.lastSignMs ?? 0;
  }

  /** Number of ids with a sign of life at or after `sinceMs`; only trusted ones unless `all`. */
  aliveSince(sinceMs: number, all: boolean): number {
    let alive = 0;
    for (const viewer of this.union.values()) {
      if (viewer.lastSignMs >= sinceMs && (all || viewer.trustedEdges > 0)) alive += 1;
    }
    return alive;
  }

  private count(id: string, edges: number, trustedEdges: number, nowMs: number): void {
    const viewer = this.union.get(id) ?? { edges: 0, trustedEdges: 0, lastSignMs: 0 };
    const wasCounted = viewer.edges > 0;
    const wasTrusted = viewer.trustedEdges > 0;
    viewer.edges += edges;
    viewer.trustedEdges += trustedEdges;
    if (edges > 0 || trustedEdges > 0) viewer.lastSignMs = Math.max(viewer.lastSignMs, nowMs);
    this.trustedViewers += Number(viewer.trustedEdges > 0) - Number(wasTrusted);
    const isCounted = viewer.edges > 0;
    if (isCounted) this.union.set(id, viewer);
    else this.union.delete(id);
    if (isCounted === wasCounted) return;
    if (isCounted) for (const ids of this.telling.values()) if (ids instanceof Set) ids.delete(id);
    this.onCounted?.(id, isCounted);
  }
}
