import { type Goodbye, RememberedGoodbyes } from './goodbyes.ts';
import { type Admission, Seats } from './seats.ts';
import { ChannelAudience, type EvidencedId } from './union.ts';

/**
 * Most ids that one edge may name for one channel. An edge itself stops naming ids at 100,000; twice that bounds what
 * a broken or hostile edge can make the operator remember.
 */
const MAX_IDS_PER_EDGE = 200_000;

/**
 * A sign of life is reported at most this many seconds after it happened (the edges' pace of `signs` messages). It is
 * dated at the earliest moment it can have happened, so that a burst never looks longer than it was.
 */
const SIGN_REPORT_SECONDS = 2;

/** How far a count can be trusted: `stale` misses what an edge knows now, `unknown` an edge that was never heard of. */
export type CountState = 'known' | 'stale' | 'unknown';

/** What the book needs to know of a channel. */
export interface CountedChannel {
  readonly uid: string;
  /** After this long the viewers of an edge that is gone have left or come back elsewhere. */
  readonly timeoutSeconds: number;
  /** Highest count so far; taken when the channel is followed for the first time. */
  readonly peak: number;
  /** Viewers that it may have; undefined: as many as come. */
  readonly maxViewers?: number | undefined;
}

/** The audience of one channel over all edges. */
export interface AudienceCount {
  readonly state: CountState;
  /** Different ids, on however many edges. */
  readonly viewers: number;
  /** Those that have asked for media playlists on at least one edge. */
  readonly trusted: number;
  readonly peak: number;
  /** When, in ms since the epoch, the count may change without any message; null: never. */
  readonly nextChangeMs: number | null;
}

/** What the book refused, for metrics. */
export interface BookRefusals {
  /** Messages about channels that the operator does not know (deleted meanwhile, or an edge that errs). */
  readonly unknownChannel: number;
  /** Ids above the limit for one edge and channel. */
  readonly tooManyIds: number;
}

/** The sidecar in an edge's pod. */
export interface EdgeProcess {
  /** Another one after each start; null where the edge is too old to say it. */
  readonly instance: string | null;
  /** How long ago it started, if another one served in this pod before; null otherwise. */
  readonly restartedSecondsAgo: number | null;
}

const UNTOLD: EdgeProcess = { instance: null, restartedSecondsAgo: null };

interface Entry {
  settings: CountedChannel;
  readonly audience: ChannelAudience;
  readonly seats: Seats;
  peak: number;
}

interface Edge {
  /** Never: nothing complete was ever heard. Synced: all said. Lost: link down, pod exists. Gone: the pod is gone. */
  state: 'never' | 'synced' | 'lost' | 'gone';
  ready: boolean;
  goneAtMs: number;
  /** Since when what it knows may differ from what the book knows. */
  silentSinceMs: number;
  /** Process in the pod that was linked last; null before the first link, and where the edge does not say it. */
  instance: string | null;
  /**
   * When it began to count in the place of another process of which nothing was heard, neither by this operator; null if
   * there was none.
   */
  forgotAtMs: number | null;
  /** Channels of which this connection has sent its snapshot; null once it is complete. */
  snapshots: Set<string> | null;
}

/**
 * Who watches what: the union of viewer ids over all edges, per channel. Edges report exact changes; the book keeps
 * what each of them said, so that losing an edge takes back exactly its share, and says how far the sum can be trusted.
 * Methods that take an edge want its pod's uid.
 */
export class AudienceBook {
  private readonly channels = new Map<string, Entry>();
  private readonly edges = new Map<string, Edge>();
  private readonly goodbyes: RememberedGoodbyes;
  private startedAtMs: number;
  private refusals = { unknownChannel: 0, tooManyIds: 0 };
  private readonly now: () => number;
  private readonly onChange: (uid: string) => void;
  private readonly onEdgeChange: () => void;

  /**
   * `onChange` is called with the uid of each channel whose count or signs of life may have changed, `onEdgeChange`
   * when an edge came, went or fell silent, which may change what all counts are worth.
   */
  constructor(options: {
    readonly now: () => number;
    readonly onChange: (uid: string) => void;
    readonly onEdgeChange: () => void;
  }) {
    this.now = options.now;
    this.onChange = options.onChange;
    this.onEdgeChange = options.onEdgeChange;
    this.goodbyes = new RememberedGoodbyes(options.now);
    this.startedAtMs = options.now();
  }

  /** The operator counts from now on: what edges said to its predecessor it has not heard. */
  begin(): void {
    this.startedAtMs = this.now();
  }

  /** Starts or goes on counting a channel; messages about others are ignored. */
  follow(settings: CountedChannel): void {
    const entry = this.channels.get(settings.uid);
    if (entry === undefined) {
      const { uid, peak } = settings;
      this.channels.set(uid, { settings, audience: new ChannelAudience(), seats: new Seats(), peak });
    } else {
      entry.settings = settings;
    }
  }

  /** Forgets a channel that was deleted. */
  forget(uid: string): void {
    this.channels.delete(uid);
  }

  /** An edge pod exists. Only a ready one can have viewers that nobody has told the operator of. */
  edgeSeen(edge: string, ready: boolean): void {
    const known = this.edges.get(edge);
    if (known === undefined) {
      const silentSinceMs = this.now();
      this.edges.set(edge, {
        ...{
          state: 'never',
          ready,
          goneAtMs: 0,
          silentSinceMs,
          instance: null,
          forgotAtMs: null,
          snapshots: new Set(),
        },
      });
      this.onEdgeChange();
    } else {
      const before = known.ready;
      known.ready = ready;
      if (known.state === 'gone') known.state = 'lost';
      if (before !== ready && known.state === 'never') this.onEdgeChange();
    }
  }

  /**
   * A link to the edge is up; its snapshots follow. Another `instance` than before knows nothing of the viewers that the
   * process before it counted: those count on like the viewers of a pod that is gone.
   */
  edgeConnected(edge: string, { instance, restartedSecondsAgo }: EdgeProcess = UNTOLD): void {
    const known = this.edges.get(edge);
    if (known === undefined) return;
    const isForgotten = known.state === 'never' && restartedSecondsAgo !== null;
    if (isForgotten) known.forgotAtMs = this.now() - restartedSecondsAgo * 1000;
    const isOther = known.instance !== null && instance !== null && instance !== known.instance;
    if (isOther && known.state !== 'never') this.separate(edge, known);
    known.instance = instance ?? known.instance;
    known.snapshots = new Set();
  }

  /**
   * The edge has said all that it knows: channels that it did not mention have no viewers there.
   * @returns goodbyes of viewers whom it counts, said elsewhere while it could not be told
   */
  edgeSynced(edge: string): readonly Goodbye[] {
    const known = this.edges.get(edge);
    if (known === undefined || known.snapshots === null) return [];
    for (const [uid, { audience }] of this.channels) {
      if (!known.snapshots.has(uid)) audience.replace(edge, [], this.now());
    }
    known.snapshots = null;
    known.state = 'synced';
    const goodbyes = this.goodbyes.of((uid, id) => this.channels.get(uid)?.audience.has(edge, id) ?? false);
    if (!this.isAnySilent()) this.goodbyes.clear();
    this.onEdgeChange();
    return goodbyes;
  }

  /** The link is down while the pod exists: its ids go on counting, marked stale. */
  edgeLost(edge: string): void {
    const known = this.edges.get(edge);
    if (known === undefined || known.state !== 'synced') return;
    known.state = 'lost';
    known.silentSinceMs = this.now();
    this.onEdgeChange();
  }

  /** The pod is gone: its ids count until each channel's `timeoutSeconds` have passed. */
  edgeGone(edge: string): void {
    const known = this.edges.get(edge);
    if (known === undefined || known.state === 'gone') return;
    if (known.state === 'synced') known.silentSinceMs = this.now();
    known.state = 'gone';
    known.goneAtMs = this.now();
    this.dropShared(edge);
    this.onEdgeChange();
  }

  /** Takes what an edge says of a channel's viewers: everything, or a change against what it said before. */
  viewers(
    edge: string,
    message: { uid: string; snapshot: boolean; joined: readonly EvidencedId[]; left: readonly string[] },
  ): void {
    const entry = this.known(message.uid);
    const from = this.edges.get(edge);
    if (entry === undefined || from === undefined) return;
    const joined = this.bounded(message.joined, message.snapshot ? 0 : entry.audience.idsOf(edge));
    if (message.snapshot) {
      from.snapshots?.add(message.uid);
      entry.audience.replace(edge, joined, this.now());
    } else {
      entry.audience.change(edge, joined, message.left, this.now());
    }
    const ids = joined.map(({ id }) => id);
    entry.seats.taken(ids);
    this.takeFromGone(entry.audience, ids);
    entry.peak = Math.max(entry.peak, entry.audience.viewers);
    this.onChange(message.uid);
  }

  /** Decides who of these viewers may come; a channel that is not followed, or whose count is unknown, is left to the edge. */
  admit({ uid, ids }: { readonly uid: string; readonly ids: readonly string[] }): Admission {
    const entry = this.known(uid);
    if (entry === undefined || this.count(uid).state === 'unknown') {
      return { admitted: [], refused: [], undecided: [...ids] };
    }
    return entry.seats.admit(ids, entry.settings.maxViewers, entry.audience, this.now());
  }

  /**
   * Takes goodbyes. The edge itself says in `viewers` whom it counts no more; an edge that is gone cannot.
   * @returns by edge, the ids that it counts too and has to be told of
   */
  left(edge: string, goodbye: Goodbye): ReadonlyMap<string, Goodbye> {
    const { uid, ids, secondsAgo } = goodbye;
    const entry = this.known(uid);
    const others = new Map<string, Goodbye>();
    if (entry === undefined) return others;
    if (this.takeFromGone(entry.audience, ids)) this.onChange(uid);
    if (this.isAnySilent()) this.goodbyes.add({ uid, ids, secondsAgo });
    for (const [name, { state }] of this.edges) {
      if (name === edge || state !== 'synced') continue;
      const counted = ids.filter((id) => entry.audience.has(name, id));
      if (counted.length > 0) others.set(name, { uid, ids: counted, secondsAgo });
    }
    return others;
  }

  /** Takes signs of life of ids that were reported as viewers before. */
  signs(uid: string, ids: readonly string[]): void {
    const entry = this.known(uid);
    if (entry === undefined) return;
    entry.audience.signs(ids, this.now() - SIGN_REPORT_SECONDS * 1000);
    this.onChange(uid);
  }

  /** The audience of a channel now; unknown with 0 viewers if the channel is not followed. */
  count(uid: string): AudienceCount {
    const entry = this.channels.get(uid);
    if (entry === undefined) return { state: 'unknown', viewers: 0, trusted: 0, peak: 0, nextChangeMs: null };
    const timeoutMs = entry.settings.timeoutSeconds * 1000;
    let state: CountState = 'known';
    let nextChangeMs = Number.POSITIVE_INFINITY;
    const heardOfNobodyUntil = this.startedAtMs + timeoutMs;
    for (const [name, edge] of this.edges) {
      if (edge.state === 'gone' && this.now() >= edge.goneAtMs + timeoutMs) {
        entry.audience.replace(name, [], this.now());
        continue;
      }
      const verdict = this.stateFor(edge, heardOfNobodyUntil, timeoutMs);
      if (edge.forgotAtMs !== null) nextChangeMs = earliestAfter(this.now(), nextChangeMs, edge.forgotAtMs + timeoutMs);
      if (verdict === 'unknown' || state === 'known') state = verdict;
      if (edge.state === 'gone') nextChangeMs = Math.min(nextChangeMs, edge.goneAtMs + timeoutMs);
      if (edge.state === 'never' && !edge.ready) nextChangeMs = Math.min(nextChangeMs, heardOfNobodyUntil);
    }
    if (this.edges.size === 0 && this.now() < heardOfNobodyUntil) {
      state = 'unknown';
      nextChangeMs = heardOfNobodyUntil;
    }
    const { viewers, trusted } = entry.audience;
    const next = Number.isFinite(nextChangeMs) && nextChangeMs > this.now() ? nextChangeMs : null;
    return { state, viewers, trusted, peak: entry.peak, nextChangeMs: next };
  }

  /** Whether the edge with this pod uid counts viewers of a channel. */
  hasViewersOn(edge: string, uid: string): boolean {
    return (this.channels.get(uid)?.audience.idsOf(edge) ?? 0) > 0;
  }

  /** Viewers with a sign of life at or after `sinceMs`; only trusted ones unless `all`. */
  aliveSince(uid: string, sinceMs: number, all: boolean): number {
    return this.channels.get(uid)?.audience.aliveSince(sinceMs, all) ?? 0;
  }

  /** Forgets edges that have been gone for longer than any channel waits; call it now and then. */
  sweep(): void {
    let longest = 0;
    for (const { settings } of this.channels.values()) longest = Math.max(longest, settings.timeoutSeconds * 1000);
    for (const [name, edge] of this.edges) {
      if (edge.state !== 'gone' || this.now() < edge.goneAtMs + longest) continue;
      for (const { audience } of this.channels.values()) audience.replace(name, [], this.now());
      this.edges.delete(name);
    }
  }

  /** Starts the peak of a channel again at its present count. */
  resetPeak(uid: string): void {
    const entry = this.channels.get(uid);
    if (entry !== undefined) entry.peak = entry.audience.viewers;
  }

  /** Seconds since which some edge that may have viewers has not been heard; 0 while all are. */
  silentSeconds(): number {
    let longest = 0;
    for (const edge of this.edges.values()) {
      const silent = edge.state !== 'synced' && (edge.state !== 'never' || edge.ready);
      if (silent) longest = Math.max(longest, (this.now() - edge.silentSinceMs) / 1000);
    }
    return longest;
  }

  /**
   * Seconds since which the count of a channel may differ from the truth; 0 while it is exact. An edge that is gone
   * takes its viewers with it after the channel's `timeoutSeconds`.
   */
  ageSeconds(uid: string): number {
    const timeoutMs = (this.channels.get(uid)?.settings.timeoutSeconds ?? 0) * 1000;
    const heardOfNobodyUntil = this.startedAtMs + timeoutMs;
    const hasHeardOfNobody = this.edges.size === 0 && this.now() < heardOfNobodyUntil;
    let sinceMs = hasHeardOfNobody ? this.startedAtMs : this.now();
    for (const edge of this.edges.values()) {
      const isOver = edge.state === 'gone' && this.now() >= edge.goneAtMs + timeoutMs;
      if (isOver || this.stateFor(edge, heardOfNobodyUntil, timeoutMs) === 'known') continue;
      sinceMs = Math.min(sinceMs, edge.silentSinceMs, edge.forgotAtMs ?? Number.POSITIVE_INFINITY);
    }
    return (this.now() - sinceMs) / 1000;
  }

  /** What was refused so far. */
  refused(): BookRefusals {
    return { ...this.refusals };
  }

  /** Whether an edge may have viewers and cannot be told anything now. */
  private isAnySilent(): boolean {
    return [...this.edges.values()].some(({ state, ready }) => state === 'lost' || (state === 'never' && ready));
  }

  /** What a process counted whose pod has another one now. */
  private separate(edge: string, known: Edge): void {
    const name = `${edge}/${known.instance}`;
    const goneAtMs = known.state === 'synced' ? this.now() : known.silentSinceMs;
    this.edges.set(name, { ...known, state: 'gone', ready: false, goneAtMs, silentSinceMs: goneAtMs, snapshots: null });
    for (const { audience } of this.channels.values()) audience.rename(edge, name);
    this.dropShared(name);
    if (known.state === 'synced') known.silentSinceMs = goneAtMs;
    known.state = 'lost';
    this.onEdgeChange();
  }

  /** Viewers whom another edge counts too are that one's to report: an edge that is gone would never say that they left. */
  private dropShared(gone: string): void {
    const others = [...this.edges].filter(([, { state }]) => state === 'synced').map(([name]) => name);
    for (const { audience } of this.channels.values()) audience.dropShared(gone, others, this.now());
  }

  /** Viewers who have come to another edge, or said goodbye there, are no longer with one that is gone. */
  private takeFromGone(audience: ChannelAudience, ids: readonly string[]): boolean {
    let taken = false;
    for (const [name, { state }] of this.edges) {
      if (state !== 'gone' || audience.idsOf(name) === 0) continue;
      const here = ids.filter((id) => audience.has(name, id));
      if (here.length > 0) audience.change(name, [], here, this.now());
      taken ||= here.length > 0;
    }
    return taken;
  }

  /**
   * An edge that was started again while nobody counted for it knows nothing of its viewers until they have shown up.
   * An edge that is not ready gets no viewers, so one that was never heard of hides none, except in the first
   * `timeoutSeconds` of the operator: it may have had viewers under the operator's predecessor.
   */
  private stateFor(edge: Edge, heardOfNobodyUntil: number, timeoutMs: number): CountState {
    const isForgetful = edge.forgotAtMs !== null && this.now() < edge.forgotAtMs + timeoutMs;
    if (edge.state === 'synced') return isForgetful ? 'stale' : 'known';
    if (edge.state !== 'never') return 'stale';
    return edge.ready || this.now() < heardOfNobodyUntil ? 'unknown' : 'known';
  }

  private known(uid: string): Entry | undefined {
    const entry = this.channels.get(uid);
    if (entry === undefined) this.refusals.unknownChannel += 1;
    return entry;
  }

  private bounded(joined: readonly EvidencedId[], present: number): readonly EvidencedId[] {
    const room = Math.max(0, MAX_IDS_PER_EDGE - present);
    if (joined.length <= room) return joined;
    this.refusals.tooManyIds += joined.length - room;
    return joined.slice(0, room);
  }
}

/** The earlier of two times, `other` only if it is still to come. */
function earliestAfter(nowMs: number, time: number, other: number): number {
  return other > nowMs ? Math.min(time, other) : time;
}
