/** Most feed times remembered: more segments than are ever between feeding and storing. */
const MOST_REMEMBERED = 64;

/** Remembers when each source segment was fed, to tell how long a rung's segment took. */
export class Latency {
  readonly #fedAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The source segment is offered to the encoder now. */
  fed(epoch: number, msn: number): void {
    this.#fedAt.set(`${epoch}/${msn}`, this.#now());
    for (const key of this.#fedAt.keys()) {
      if (this.#fedAt.size <= MOST_REMEMBERED) break;
      this.#fedAt.delete(key);
    }
  }

  /** Seconds since the source segment was fed; null if that is forgotten. */
  secondsSinceFed(epoch: number, msn: number): number | null {
    const at = this.#fedAt.get(`${epoch}/${msn}`);
    return at === undefined ? null : (this.#now() - at) / 1000;
  }
}
