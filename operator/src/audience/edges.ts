import type { CountState } from './count.ts';
import {
  type CountingTimes,
  type EdgePresence,
  type EdgeProcess,
  isSilent,
  nextChangeOf,
  stateFor,
} from './edge-presence.ts';

/** What counts are worth, because of all edges together. */
export interface Standing {
  readonly state: CountState;
  /** When that may change without any message, in ms since the epoch; infinite if never. */
  readonly nextChangeMs: number;
}

/** The edge pods that the operator has heard of, by pod uid, and the processes that have ended in pods that live. */
export class KnownEdges {
  private readonly presences = new Map<string, EdgePresence>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** Whether this edge was ever seen, and not long gone. */
  has(edge: string): boolean {
    return this.presences.has(edge);
  }

  /** Edges that are linked and have said all that they know. */
  get synced(): readonly string[] {
    return this.inState('synced');
  }

  /** Edges whose pods are gone, and processes that others have replaced. */
  get gone(): readonly string[] {
    return this.inState('gone');
  }

  /** Whether there is an edge that may have viewers and cannot be told anything now. */
  get isAnySilent(): boolean {
    return [...this.presences.values()].some(isSilent);
  }

  /** The pod exists. @returns whether that may change what counts are worth */
  seen(edge: string, ready: boolean): boolean {
    const known = this.presences.get(edge);
    if (known === undefined) {
      this.presences.set(edge, {
        ...{ state: 'never', ready, goneAtMs: 0, silentSinceMs: this.now() },
        ...{ instance: null, forgotAtMs: null, isTelling: true, isOverheard: false },
      });
      return true;
    }
    const isNews = known.ready !== ready && known.state === 'never';
    known.ready = ready;
    if (known.state === 'gone') known.state = 'lost';
    return isNews;
  }

  /**
   * A link is up; snapshots follow.
   * @returns the name by which what another process counted in this pod before is kept from now on; null: there is nothing
   */
  connected(edge: string, { instance, restartedSecondsAgo }: EdgeProcess): string | null {
    const known = this.presences.get(edge);
    if (known === undefined) return null;
    const restartedAtMs = restartedSecondsAgo === null ? 0 : this.now() - restartedSecondsAgo * 1000;
    if (known.state === 'never' && restartedSecondsAgo !== null) known.forgotAtMs = restartedAtMs;
    const isOther = known.instance !== null && instance !== null && instance !== known.instance;
    const former = isOther && known.state !== 'never' ? this.separate(edge, known, restartedAtMs) : null;
    known.instance = instance ?? known.instance;
    known.isTelling = true;
    known.isOverheard = false;
    return former;
  }

  /** Something that the edge said could not be kept. */
  overheard(edge: string): void {
    const known = this.presences.get(edge);
    if (known !== undefined) known.isOverheard = true;
  }

  /** Edges of which something could not be kept since they were linked. */
  get overheardEdges(): readonly string[] {
    return [...this.presences].flatMap(([name, { isOverheard }]) => (isOverheard ? [name] : []));
  }

  /** The edge has said all. @returns whether that was awaited */
  synchronised(edge: string): boolean {
    const known = this.presences.get(edge);
    if (known === undefined || !known.isTelling) return false;
    known.isTelling = false;
    known.state = 'synced';
    return true;
  }

  /** The link is down. @returns whether that is news */
  lost(edge: string): boolean {
    const known = this.presences.get(edge);
    if (known === undefined || known.state !== 'synced') return false;
    known.state = 'lost';
    known.silentSinceMs = this.now();
    return true;
  }

  /** The pod is gone. @returns whether that is news */
  ended(edge: string): boolean {
    const known = this.presences.get(edge);
    if (known === undefined || known.state === 'gone') return false;
    if (known.state === 'synced') known.silentSinceMs = this.now();
    known.state = 'gone';
    known.goneAtMs = this.now();
    return true;
  }

  /** Edges whose viewers have left or come back elsewhere by now: gone for as long as the channel waits. */
  over({ nowMs, timeoutMs }: CountingTimes): readonly string[] {
    return this.gone.filter((edge) => nowMs >= (this.presences.get(edge)?.goneAtMs ?? 0) + timeoutMs);
  }

  /** Forgets edges. */
  forget(edges: readonly string[]): void {
    for (const edge of edges) this.presences.delete(edge);
  }

  /** What a count is worth that depends on these times. */
  standing(times: CountingTimes): Standing {
    const { nowMs, startedAtMs, timeoutMs } = times;
    // Nobody was heard of yet, and the predecessor's viewers may still watch.
    if (this.isBlind(times)) return { state: 'unknown', nextChangeMs: startedAtMs + timeoutMs };
    let state: CountState = 'known';
    let nextChangeMs = Number.POSITIVE_INFINITY;
    for (const edge of this.presences.values()) {
      if (edge.state === 'gone' && nowMs >= edge.goneAtMs + timeoutMs) continue;
      const verdict = stateFor(edge, times);
      if (verdict === 'unknown' || state === 'known') state = verdict;
      nextChangeMs = Math.min(nextChangeMs, nextChangeOf(edge, times));
    }
    return { state, nextChangeMs };
  }

  /** Since when a count that depends on these times may differ from the truth, in ms; now if it is exact. */
  uncertainSinceMs(times: CountingTimes): number {
    const { nowMs, startedAtMs, timeoutMs } = times;
    let sinceMs = this.isBlind(times) ? startedAtMs : nowMs;
    for (const edge of this.presences.values()) {
      const isOver = edge.state === 'gone' && nowMs >= edge.goneAtMs + timeoutMs;
      if (isOver || stateFor(edge, times) === 'known') continue;
      sinceMs = Math.min(sinceMs, edge.silentSinceMs, edge.forgotAtMs ?? Number.POSITIVE_INFINITY);
    }
    return sinceMs;
  }

  /** Seconds since which some edge that may have viewers has not been heard; 0 while all are. */
  silentSeconds(): number {
    let longest = 0;
    for (const edge of this.presences.values()) {
      const silent = edge.state !== 'synced' && (edge.state !== 'never' || edge.ready);
      if (silent) longest = Math.max(longest, (this.now() - edge.silentSinceMs) / 1000);
    }
    return longest;
  }

  private isBlind({ nowMs, startedAtMs, timeoutMs }: CountingTimes): boolean {
    return this.presences.size === 0 && nowMs < startedAtMs + timeoutMs;
  }

  /**
   * What a process counted whose pod has another one since `restartedAtMs`: until then it had viewers, however long it
   * was not heard.
   */
  private separate(edge: string, known: EdgePresence, restartedAtMs: number): string {
    const name = `${edge}/${known.instance}`;
    const silentSinceMs = known.state === 'synced' ? this.now() : known.silentSinceMs;
    const goneAtMs = Math.max(silentSinceMs, restartedAtMs);
    this.presences.set(name, { ...known, state: 'gone', ready: false, goneAtMs, silentSinceMs, isTelling: false });
    known.silentSinceMs = silentSinceMs;
    known.state = 'lost';
    return name;
  }

  private inState(state: EdgePresence['state']): readonly string[] {
    return [...this.presences].flatMap(([name, presence]) => (presence.state === state ? [name] : []));
  }
}
