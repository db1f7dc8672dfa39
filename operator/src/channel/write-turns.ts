/** All Channels together: what an API server does not notice, and 10,000 channels still get through in minutes. */
const WRITES_PER_SECOND = 20;
const TICK_MS = 1000 / WRITES_PER_SECOND;

/**
 * Whose turn it is to write a status: {@link WRITES_PER_SECOND} in all, a second's worth of them in one go after a
 * quiet time. Channels that are watched go before the others, so that ten thousand idle ones after an installation
 * hold up nobody's change of mode. A channel waits at most once; what it writes is what it wants when its turn comes.
 */
export class WriteTurns {
  private left = WRITES_PER_SECOND;
  private readonly watched = new Set<string>();
  private readonly idle = new Set<string>();
  private readonly granted = new Set<string>();
  private ticking: NodeJS.Timeout | undefined;
  private readonly onTurn: (key: string) => void;

  /** `onTurn` is called for a channel that had to wait, when it may ask again. */
  constructor(onTurn: (key: string) => void) {
    this.onTurn = onTurn;
  }

  /** True: write now. False: wait for `onTurn`. */
  take(key: string, isWatched: boolean): boolean {
    if (this.granted.delete(key)) return true;
    this.tick();
    const isAhead = this.watched.size === 0 && (isWatched || this.idle.size === 0);
    if (this.left > 0 && isAhead) {
      this.left -= 1;
      this.idle.delete(key);
      return true;
    }
    if (isWatched) this.idle.delete(key);
    (isWatched ? this.watched : this.idle).add(key);
    return false;
  }

  /** A channel is gone. */
  forget(key: string): void {
    for (const keys of [this.watched, this.idle, this.granted]) keys.delete(key);
  }

  /** Number of channels that wait. */
  get waiting(): number {
    return this.watched.size + this.idle.size;
  }

  /** Nobody's turn comes any more. */
  close(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  /** Runs only while somebody waits or the allowance is not full. */
  private tick(): void {
    this.ticking ??= setInterval(() => {
      this.left = Math.min(WRITES_PER_SECOND, this.left + 1);
      this.grant();
      if (this.waiting === 0 && this.left === WRITES_PER_SECOND) this.close();
    }, TICK_MS);
  }

  private grant(): void {
    const [next] = this.watched.size > 0 ? this.watched : this.idle;
    if (next === undefined || this.left === 0) return;
    this.left -= 1;
    this.watched.delete(next);
    this.idle.delete(next);
    this.granted.add(next);
    this.onTurn(next);
  }
}
