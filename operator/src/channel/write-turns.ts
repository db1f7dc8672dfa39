/**
 * What can wait, of all objects of a kind together: half of what an operator may cost an API server at rest (20 writes a
 * second); changes of mode, sessions and events need the rest.
 */
const TURNS_PER_SECOND = 10;
/** All turns of a second at a time: writes, answers and echoes that come together cost half of those that come alone. */
const DEAL_MS = 1000;
/**
 * Changes that a watched channel may tell at once, and how soon another one after that. A start and a promotion need
 * four; a channel whose source or edge tells something new with every segment soon waits for its turn like the others.
 */
const BURST = 6;
const REFILL_MS = 30_000;
/** Whatever else is written, somebody's turn comes after this: an endless storm of changes starves nobody. */
const LONGEST_PAUSE_MS = 1000;
/**
 * Turns that watched channels get one after the other while idle ones wait, too: from some 150 watched channels on
 * there is always one whose count has changed, and a Channel that nobody watches must still say what became of its edit.
 */
const WATCHED_IN_A_ROW = 4;
/** First statuses of idle channels under way: fewer than there are writers, so that a watched channel finds one free. */
export const FIRST_AT_A_TIME = 12;

/**
 * Why a channel wants to write its status. Change: something that users must see at once, of a watched channel. First:
 * an idle channel has none yet. Count: numbers of a watched channel. Idle: anything else of an idle one.
 */
export type Claim = 'change' | 'first' | 'count' | 'idle';

/** How turns are dealt out. */
export interface WriteTurnsOptions {
  /** Called for an object that had to wait, when it may ask again. */
  readonly onTurn: (key: string) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Whether the API server may get another write that can wait. */
  readonly hasRoom: () => boolean;
}

/**
 * Whose turn it is to write a status. Changes of watched channels and first statuses go as fast as the API server
 * takes them; everything else gets {@link TURNS_PER_SECOND} in all, and less while other writes leave no room for
 * them, watched channels before the others, so that ten thousand idle ones hold up nobody's change of mode, but for
 * every fifth turn. A channel waits at most once; what it writes is what it wants when its turn comes.
 */
export class WriteTurns {
  private left = TURNS_PER_SECOND;
  private readonly allowances = new Map<string, { left: number; sinceMs: number }>();
  private readonly first = new Set<string>();
  private readonly watched = new Set<string>();
  private readonly idle = new Set<string>();
  private readonly granted = new Set<string>();
  /** Channels whose first status is being written. */
  private readonly underWay = new Set<string>();
  private ticking: NodeJS.Timeout | undefined;
  /** Turns of watched channels since an idle one had one. */
  private watchedInARow = 0;
  /** When a turn was last dealt out. */
  private lastTurnMs = Number.NEGATIVE_INFINITY;
  private readonly onTurn: (key: string) => void;
  private readonly now: () => number;
  private readonly hasRoom: () => boolean;

  constructor({ onTurn, now, hasRoom }: WriteTurnsOptions) {
    this.onTurn = onTurn;
    this.now = now;
    this.hasRoom = hasRoom;
  }

  /** True: write now, and call {@link done} afterwards. False: wait for `onTurn`. */
  take(key: string, claim: Claim): boolean {
    if (this.granted.delete(key)) return true;
    if (claim === 'first') return this.takeFirst(key);
    if (claim === 'change' && this.spend(key)) {
      this.leaveQueues(key);
      return true;
    }
    return this.takeTurn(key, claim !== 'idle');
  }

  /**
   * As {@link take} for what can wait, before anybody looks at it. True: the turn is kept until it is taken. False: wait
   * for `onTurn`.
   */
  reserve(key: string, claim: Claim): boolean {
    if (!this.granted.has(key) && !this.takeTurn(key, claim !== 'idle')) return false;
    this.granted.add(key);
    return true;
  }

  /** The writer has looked at a channel, whether it wrote or not. */
  done(key: string): void {
    this.granted.delete(key);
    if (!this.underWay.delete(key)) return;
    const [next] = this.first;
    if (next === undefined) return;
    this.first.delete(next);
    this.underWay.add(next);
    this.granted.add(next);
    this.onTurn(next);
  }

  /** A channel is gone. */
  forget(key: string): void {
    this.leaveQueues(key);
    this.allowances.delete(key);
    this.done(key);
  }

  /** Number of channels that wait. */
  get waiting(): number {
    return this.first.size + this.watched.size + this.idle.size;
  }

  /** Nobody's turn comes any more. */
  close(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  private takeFirst(key: string): boolean {
    if (this.underWay.size < FIRST_AT_A_TIME) {
      this.underWay.add(key);
      return true;
    }
    this.first.add(key);
    return false;
  }

  private takeTurn(key: string, isWatched: boolean): boolean {
    this.tick();
    const isAhead = this.watched.size === 0 && (isWatched || this.idle.size === 0);
    if (isAhead && this.spendTurn()) {
      this.idle.delete(key);
      return true;
    }
    if (isWatched) this.idle.delete(key);
    (isWatched ? this.watched : this.idle).add(key);
    return false;
  }

  /** Whether somebody's turn may come now; it counts if so. */
  private spendTurn(): boolean {
    const nowMs = this.now();
    if (this.left === 0 || !(this.hasRoom() || nowMs - this.lastTurnMs >= LONGEST_PAUSE_MS)) return false;
    this.left -= 1;
    this.lastTurnMs = nowMs;
    return true;
  }

  /** Whether the channel has a change of its own left; it counts if so. */
  private spend(key: string): boolean {
    const nowMs = this.now();
    const { left, sinceMs } = this.allowances.get(key) ?? { left: BURST, sinceMs: nowMs };
    const refills = Math.max(0, Math.floor((nowMs - sinceMs) / REFILL_MS));
    const present = Math.min(BURST, left + refills);
    if (present === 0) return false;
    this.allowances.set(key, { left: present - 1, sinceMs: present === BURST ? nowMs : sinceMs + refills * REFILL_MS });
    return true;
  }

  private leaveQueues(key: string): void {
    for (const keys of [this.first, this.watched, this.idle]) keys.delete(key);
  }

  /** Runs only while somebody waits or the allowance is not full. */
  private tick(): void {
    this.ticking ??= setInterval(() => {
      this.left = TURNS_PER_SECOND;
      while (this.grant());
      if (this.watched.size + this.idle.size === 0 && this.left === TURNS_PER_SECOND) this.close();
    }, DEAL_MS);
  }

  /** @returns whether somebody's turn has come */
  private grant(): boolean {
    const isIdleNext = this.watched.size === 0 || (this.idle.size > 0 && this.watchedInARow >= WATCHED_IN_A_ROW);
    const [next] = isIdleNext ? this.idle : this.watched;
    if (next === undefined || !this.spendTurn()) return false;
    this.watchedInARow = isIdleNext ? 0 : this.watchedInARow + 1;
    this.leaveQueues(next);
    this.granted.add(next);
    this.onTurn(next);
    return true;
  }
}
