import { ChannelAudiences, type FollowedAudience } from './channel-audiences.ts';
import type { AudienceCount, BookRefusals, CountedChannel } from './count.ts';
import { type CountingTimes, type EdgeProcess, UNTOLD } from './edge-presence.ts';
import { KnownEdges } from './edges.ts';
import { Farewells } from './farewells.ts';
import type { Goodbye } from './goodbyes.ts';
import { MAX_IDS_OF_EDGE, roomForIds } from './id-limits.ts';
import type { Admission, SeatRequest, SeatRoom } from './seats.ts';
import type { EvidencedId } from './union.ts';

/**
 * A sign of life is reported at most this many seconds after it happened (the edges' pace of `signs` messages). It is
 * dated at the earliest moment it can have happened, so that a burst never looks longer than it was.
 */
const SIGN_REPORT_SECONDS = 2;

const NOTHING_KNOWN: AudienceCount = { state: 'unknown', viewers: 0, trusted: 0, peak: 0, nextChangeMs: null };

/** What an edge says of a channel's viewers: everything, or a change against what it said before. */
export interface ViewersMessage {
  readonly uid: string;
  readonly snapshot: boolean;
  readonly joined: readonly EvidencedId[];
  readonly left: readonly string[];
}

/**
 * Who watches what: the union of viewer ids over all edges, per channel. Edges report exact changes; the book keeps
 * what each of them said, so that losing an edge takes back exactly its share, and says how far the sum can be trusted.
 * Methods that take an edge want its pod's uid.
 */
export class AudienceBook {
  private readonly channels: ChannelAudiences;
  private readonly edges: KnownEdges;
  private readonly farewells: Farewells;
  private startedAtMs: number;
  private refusals = { unknownChannel: 0, tooManyIds: 0 };
  private readonly maxIdsOfEdge: number;
  private readonly now: () => number;
  private readonly onChange: (uid: string) => void;
  private readonly onEdgeChange: () => void;
  private readonly onUnheard: (edge: string) => void;

  /**
   * `onChange` is called with the uid of each channel whose count or signs of life may have changed, `onEdgeChange`
   * when an edge came, went or fell silent, which may change what all counts are worth. `onUnheard` is called with an edge
   * of which something could not be kept that may be missing now: until it has said everything again, the count of the
   * channel that is followed from now on is unknown.
   */
  constructor(options: {
    readonly now: () => number;
    readonly onChange: (uid: string) => void;
    readonly onEdgeChange: () => void;
    readonly onUnheard?: (edge: string) => void;
    /** {@link MAX_IDS_OF_EDGE} if left out. */
    readonly maxIdsOfEdge?: number;
    /** What the seats of all channels keep in mind; of its own if left out. */
    readonly seatRoom?: SeatRoom;
  }) {
    this.now = options.now;
    this.maxIdsOfEdge = options.maxIdsOfEdge ?? MAX_IDS_OF_EDGE;
    this.onChange = options.onChange;
    this.onEdgeChange = options.onEdgeChange;
    this.onUnheard = options.onUnheard ?? (() => {});
    this.channels = new ChannelAudiences(options.seatRoom);
    this.edges = new KnownEdges(options.now);
    this.farewells = new Farewells(options.now, this.edges, this.channels);
    this.startedAtMs = options.now();
  }

  /** The operator counts from now on: what edges said to its predecessor it has not heard. */
  begin(): void {
    this.startedAtMs = this.now();
  }

  /** Starts or goes on counting a channel, with what edges have said of it already. */
  follow(settings: CountedChannel): void {
    for (const edge of this.channels.follow(settings, () => this.edges.overheardEdges)) this.onUnheard(edge);
  }

  /** Forgets a channel that was deleted. */
  forget(uid: string): void {
    this.channels.forget(uid);
  }

  /** An edge pod exists. Only a ready one can have viewers that nobody has told the operator of. */
  edgeSeen(edge: string, ready: boolean): void {
    if (this.edges.seen(edge, ready)) this.onEdgeChange();
  }

  /**
   * A link to the edge is up; its snapshots follow. Another `instance` than before knows nothing of the viewers that the
   * process before it counted: those count on like the viewers of a pod that is gone.
   */
  edgeConnected(edge: string, process: EdgeProcess = UNTOLD): void {
    const former = this.edges.connected(edge, process);
    this.channels.begins(edge);
    if (former === null) return;
    for (const audience of this.channels.audiences()) audience.rename(edge, former);
    this.farewells.gone(former);
    this.onEdgeChange();
  }

  /**
   * The edge has said all that it knows: channels that it did not mention have no viewers there.
   * @returns goodbyes of viewers whom it counts, said elsewhere while it could not be told
   */
  edgeSynced(edge: string): readonly Goodbye[] {
    if (!this.edges.synchronised(edge)) return [];
    this.channels.said(edge, this.now());
    this.onEdgeChange();
    return this.farewells.missedBy(edge);
  }

  /** The link is down while the pod exists: its ids go on counting, marked stale. */
  edgeLost(edge: string): void {
    if (this.edges.lost(edge)) this.onEdgeChange();
  }

  /** The pod is gone: its ids count until each channel's `timeoutSeconds` have passed. */
  edgeGone(edge: string): void {
    if (!this.edges.ended(edge)) return;
    this.farewells.gone(edge);
    this.onEdgeChange();
  }

  /**
   * Takes what an edge says of a channel's viewers. What is said of a channel that is not followed (yet) is kept for the
   * moment in which it is: nobody would say it again, and who was not heard of is not nobody.
   * @returns goodbyes that other edges have told of who has come here, and that this edge has to be told of: it may have
   *   counted them before they left, and only said so afterwards
   */
  viewers(edge: string, message: ViewersMessage): readonly Goodbye[] {
    if (!this.edges.has(edge)) return [];
    const { uid, snapshot, left } = message;
    if (this.channels.followed(uid) === null) this.refusals.unknownChannel += 1;
    const audience = this.channels.audienceFor(uid, message.joined.length);
    if (audience === null) {
      if (message.joined.length > 0) this.edges.overheard(edge);
      return [];
    }
    const present = audience.idsOf(edge);
    const others = this.channels.named.of(edge) - present;
    const joined = this.bounded(message.joined, snapshot ? 0 : present, others);
    if (snapshot) audience.snapshot(edge, joined, this.now());
    else audience.change(edge, joined, left, this.now());
    const ids = joined.map(({ id }) => id);
    this.farewells.takeFromGone(audience, ids);
    this.channels.settle(uid, edge, { joined: ids, left }, this.now());
    this.onChange(uid);
    if (snapshot) return []; // told when the edge has said all
    const counted = ids.filter((id) => audience.has(edge, id));
    return this.farewells.overtaking(edge, uid, counted);
  }

  /** Decides who of these viewers may come; a channel that is not followed, or whose count is unknown, is left to the edge. */
  admit(uid: string, request: SeatRequest): Admission {
    const channel = this.followed(uid);
    if (channel === null) return { admitted: [], refused: [], undecided: [...request.ids] };
    const { seats, settings } = channel;
    if (this.count(uid).state === 'unknown') return seats.leaveToEdge(request, this.now());
    return seats.admit(request, settings.maxViewers, this.now());
  }

  /**
   * Takes goodbyes. The edge itself says in `viewers` whom it counts no more; an edge that is gone cannot.
   * @returns by edge, the ids that it counts too and has to be told of
   */
  left(edge: string, goodbye: Goodbye): ReadonlyMap<string, Goodbye> {
    const channel = this.followed(goodbye.uid);
    if (channel === null) return new Map();
    const { taken, others } = this.farewells.said(edge, channel, goodbye);
    if (taken) this.onChange(goodbye.uid);
    return others;
  }

  /** Takes signs of life of ids that were reported as viewers before. */
  signs(uid: string, ids: readonly string[]): void {
    const channel = this.followed(uid);
    if (channel === null) return;
    channel.audience.signs(ids, this.now() - SIGN_REPORT_SECONDS * 1000);
    this.onChange(uid);
  }

  /** The audience of a channel now; unknown with 0 viewers if the channel is not followed. */
  count(uid: string): AudienceCount {
    const channel = this.channels.followed(uid);
    if (channel === null) return NOTHING_KNOWN;
    const times = this.times(channel);
    const { audience, peak, unheard } = channel;
    for (const edge of this.edges.over(times)) audience.replace(edge, [], times.nowMs);
    const { state, nextChangeMs } = this.edges.standing(times);
    const { viewers, trusted } = audience;
    const isHeard = unheard.size === 0 || ![...unheard].some((edge) => this.edges.has(edge));
    return {
      ...{ state: isHeard ? state : 'unknown', viewers, trusted, peak },
      nextChangeMs: Number.isFinite(nextChangeMs) ? nextChangeMs : null,
    };
  }

  /** Whether the edge with this pod uid counts viewers of a channel. */
  hasViewersOn(edge: string, uid: string): boolean {
    return this.viewersOn(edge, uid) > 0;
  }

  /** Viewers of a channel whom the edge with this pod uid counts. */
  viewersOn(edge: string, uid: string): number {
    return this.channels.audience(uid)?.idsOf(edge) ?? 0;
  }

  /** Viewers of all channels over all edges, as far as edges have told: each counts once for each channel. */
  totalViewers(): number {
    let total = 0;
    for (const { viewers } of this.channels.audiences()) total += viewers;
    return total;
  }

  /** Viewers with a sign of life at or after `sinceMs`; only trusted ones unless `all`. */
  aliveSince(uid: string, sinceMs: number, all: boolean): number {
    return this.channels.followed(uid)?.audience.aliveSince(sinceMs, all) ?? 0;
  }

  /** Forgets edges that have been gone for longer than any channel waits, and seats whose time is over; call it now and then. */
  sweep(): void {
    this.channels.sweep(this.now());
    const times = { nowMs: this.now(), startedAtMs: this.startedAtMs, timeoutMs: this.channels.longestTimeoutMs };
    const over = this.edges.over(times);
    for (const edge of over) {
      this.channels.begins(edge);
      this.channels.said(edge, times.nowMs);
    }
    this.edges.forget(over);
  }

  /** Starts the peak of a channel again at its present count. */
  resetPeak(uid: string): void {
    const channel = this.channels.followed(uid);
    if (channel !== null) channel.peak = channel.audience.viewers;
  }

  /** Seconds since which some edge that may have viewers has not been heard; 0 while all are. */
  silentSeconds(): number {
    return this.edges.silentSeconds();
  }

  /**
   * Seconds since which the count of a channel may differ from the truth; 0 while it is exact. An edge that is gone
   * takes its viewers with it after the channel's `timeoutSeconds`.
   */
  ageSeconds(uid: string): number {
    const times = this.times(this.channels.followed(uid));
    return (times.nowMs - this.edges.uncertainSinceMs(times)) / 1000;
  }

  /** What was refused so far. */
  refused(): BookRefusals {
    return { ...this.refusals };
  }

  private times(channel: FollowedAudience | null): CountingTimes {
    const timeoutMs = (channel?.settings.timeoutSeconds ?? 0) * 1000;
    return { nowMs: this.now(), startedAtMs: this.startedAtMs, timeoutMs };
  }

  private followed(uid: string): FollowedAudience | null {
    const channel = this.channels.followed(uid);
    if (channel === null) this.refusals.unknownChannel += 1;
    return channel;
  }

  private bounded(joined: readonly EvidencedId[], present: number, others: number): readonly EvidencedId[] {
    const room = roomForIds(present, others, this.maxIdsOfEdge);
    if (joined.length <= room) return joined;
    this.refusals.tooManyIds += joined.length - room;
    return joined.slice(0, room);
  }
}
