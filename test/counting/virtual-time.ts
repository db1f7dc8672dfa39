import type { SetTimer } from '@sluice/common/link/timer.ts';

interface Entry {
  readonly at: number;
  readonly serial: number;
  callback: (() => void) | null;
}

/** A clock that jumps from timer to timer: minutes of many programs in moments of this one, in the same order every time. */
export class VirtualTime {
  /** Binary heap by time, then by the order in which the timers were set. */
  readonly #heap: Entry[] = [];
  #nowMs: number;
  #serial = 0;

  /** @param startMs milliseconds since the epoch */
  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  readonly now = (): number => this.#nowMs;

  readonly setTimer: SetTimer = (callback, milliseconds) => {
    const entry: Entry = { at: this.#nowMs + Math.max(0, milliseconds), serial: this.#serial, callback };
    this.#serial += 1;
    this.#add(entry);
    return () => {
      entry.callback = null;
    };
  };

  /** Calls back again and again, first after one interval, until called off. */
  every(milliseconds: number, callback: () => void): () => void {
    let callOff = (): void => {};
    const arm = (): void => {
      callOff = this.setTimer(() => {
        arm();
        callback();
      }, milliseconds);
    };
    arm();
    return () => callOff();
  }

  /** Lets so much time pass. */
  advance(milliseconds: number): void {
    const end = this.#nowMs + milliseconds;
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#removeFirst();
      this.#nowMs = first.at;
      first.callback?.();
    }
    this.#nowMs = end;
  }

  #add(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const entry = heap.pop();
    if (entry === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, entry)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = entry;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at === other.at ? one.serial < other.serial : one.at < other.at;
}
