/**
 * How urgent a key is. `background`: it is only looked at again, as after a start or a resync; everything else that is
 * known to have changed is `normal`.
 */
export type Priority = 'normal' | 'background';

/** The one of two priorities that is worked on sooner. */
export function sooner(one: Priority, other: Priority): Priority {
  return one === 'normal' || other === 'normal' ? 'normal' : 'background';
}

/**
 * Normal keys that are taken in a row while one waits in the background. So a steady stream of changes leaves the
 * background a ninth of the work instead of starving it (controller-runtime #3496), and a change waits for at most one
 * background key more.
 */
const NORMAL_IN_A_ROW = 8;

/** A key that is taken out of its lane. */
export interface Taken {
  readonly key: string;
  readonly priority: Priority;
  /** When it was put in. */
  readonly since: number;
}

/** Keys that wait, first in first out in each of two lanes; a key stands in one of them, once. */
export class Lanes {
  readonly #lanes: Readonly<Record<Priority, Map<string, number>>> = { normal: new Map(), background: new Map() };
  #inARow = 0;

  /** How many keys wait. */
  depth(priority: Priority): number {
    return this.#lanes[priority].size;
  }

  /** When the key that has waited longest was put in; null if none waits. */
  get oldestSince(): number | null {
    const [normal = Number.POSITIVE_INFINITY] = this.#lanes.normal.values();
    const [background = Number.POSITIVE_INFINITY] = this.#lanes.background.values();
    const oldest = Math.min(normal, background);
    return Number.isFinite(oldest) ? oldest : null;
  }

  has(key: string): boolean {
    return this.#lanes.normal.has(key) || this.#lanes.background.has(key);
  }

  /** The first `limit` keys: those of the normal lane, then those of the background. */
  keys(limit: number): readonly string[] {
    return [...this.#lanes.normal.keys(), ...this.#lanes.background.keys()].slice(0, limit);
  }

  /** Puts a key at the end of its lane. One that waits in the background already, and is urgent now, changes lanes. */
  put(key: string, priority: Priority, now: number): void {
    const { normal, background } = this.#lanes;
    if (normal.has(key) || (priority === 'background' && background.has(key))) return;
    const since = background.get(key) ?? now;
    background.delete(key);
    this.#lanes[priority].set(key, since);
  }

  /** The next key; null if none waits. */
  take(): Taken | null {
    const { normal, background } = this.#lanes;
    const isBackgroundsTurn = normal.size === 0 || (background.size > 0 && this.#inARow >= NORMAL_IN_A_ROW);
    const priority = isBackgroundsTurn ? 'background' : 'normal';
    const next = this.#lanes[priority].entries().next();
    if (next.done) return null;
    this.#inARow = isBackgroundsTurn || background.size === 0 ? 0 : this.#inARow + 1;
    const [key, since] = next.value;
    this.#lanes[priority].delete(key);
    return { key, priority, since };
  }

  clear(): void {
    this.#lanes.normal.clear();
    this.#lanes.background.clear();
  }
}
