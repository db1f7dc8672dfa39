import type { AudienceCount, BookRefusals, CountedChannel, CountState } from './count.ts';
import {
  type CountingTimes,
  type EdgePresence,
  type EdgeProcess,
  isSilent,
  nextChangeOf,
  stateFor,
  UNTOLD,
} from './edge-presence.ts';
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

interface Entry {
  settings: CountedChannel;
  readonly audience: ChannelAudience;
  readonly seats: Seats;
  peak: number;
}

/**
 * Who watches what: the union of viewer ids over all edges, per channel. Edges report exact changes; the book keeps
 * what each of them said, so that losing an edge takes back exactly its share, and says how far the sum can be trusted.
 * Methods that take an edge want its pod's uid.
 */
export class AudienceBook {
  private readonly channels = new Map<string, Entry>();
  private readonly edges = new Map<string, EdgePresence>();
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
    const restartedAtMs = restartedSecondsAgo === null ? 0 : this.now() - restartedSecondsAgo * 1000;
    if (isForgotten) known.forgotAtMs = restartedAtMs;
    const isOther = known.instance !== null && instance !== null && instance !== known.instance;
    if (isOther && known.state !== 'never') this.separate(edge, known, restartedAtMs);
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
    if (![...this.edges.values()].some(isSilent)) this.goodbyes.clear();
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
    if ([...this.edges.values()].some(isSilent)) this.goodbyes.add({ uid, ids, secondsAgo });
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
    const times = this.times(entry);
    const { nowMs, startedAtMs, timeoutMs } = times;
    let state: CountState = 'known';
    let nextChangeMs = Number.POSITIVE_INFINITY;
    for (const [name, edge] of this.edges) {
      if (edge.state === 'gone' && nowMs >= edge.goneAtMs + timeoutMs) {
        entry.audience.replace(name, [], nowMs);
        continue;
      }
      const verdict = stateFor(edge, times);
      if (verdict === 'unknown' || state === 'known') state = verdict;
      nextChangeMs = Math.min(nextChangeMs, nextChangeOf(edge, times));
    }
    if (this.edges.size === 0 && nowMs < startedAtMs + timeoutMs) {
      state = 'unknown';
      nextChangeMs = startedAtMs + timeoutMs;
    }
    const { viewers, trusted } = entry.audience;
    return {
      ...{ state, viewers, trusted, peak: entry.peak },
      nextChangeMs: Number.isFinite(nextChangeMs) ? nextChangeMs : null,
    };
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
    const times = this.times(this.channels.get(uid));
    const { nowMs, startedAtMs, timeoutMs } = times;
    const hasHeardOfNobody = this.edges.size === 0 && nowMs < startedAtMs + timeoutMs;
    let sinceMs = hasHeardOfNobody ? startedAtMs : nowMs;
    for (const edge of this.edges.values()) {
      const isOver = edge.state === 'gone' && nowMs >= edge.goneAtMs + timeoutMs;
      if (isOver || stateFor(edge, times) === 'known') continue;
      sinceMs = Math.min(sinceMs, edge.silentSinceMs, edge.forgotAtMs ?? Number.POSITIVE_INFINITY);
    }
    return (nowMs - sinceMs) / 1000;
  }

  /** What was refused so far. */
  refused(): BookRefusals {
    return { ...this.refusals };
  }

  /**
   * What a process counted whose pod has another one since `restartedAtMs`: until then it had viewers, however long it
   * was not heard.
   */
  private separate(edge: string, known: EdgePresence, restartedAtMs: number): void {
    const name = `${edge}/${known.instance}`;
    const silentSinceMs = known.state === 'synced' ? this.now() : known.silentSinceMs;
    const goneAtMs = Math.max(silentSinceMs, restartedAtMs);
    this.edges.set(name, { ...known, state: 'gone', ready: false, goneAtMs, silentSinceMs, snapshots: null });
    for (const { audience } of this.channels.values()) audience.rename(edge, name);
    this.dropShared(name);
    known.silentSinceMs = silentSinceMs;
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

  private times(entry: Entry | undefined): CountingTimes {
    const timeoutMs = (entry?.settings.timeoutSeconds ?? 0) * 1000;
    return { nowMs: this.now(), startedAtMs: this.startedAtMs, timeoutMs };
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
