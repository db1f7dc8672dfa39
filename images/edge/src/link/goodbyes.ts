import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { pieces } from './viewer-changes.ts';

/** Longer than a heartbeat lasts with the usual time-out of 60 s: nobody counts the viewer by then anyway. */
const KEEP_MS = 120_000;
/**
 * Longer than a link can be dead before either end notices it (two pings of 10 s) and the next one is up: what was told
 * on it in the meantime, or to an operator that died with it, is told again.
 */
const KEEP_TOLD_MS = 30_000;
/** Goodbyes that are kept, about 150 bytes each; the oldest go first, and expire where they are counted. */
const MAX_KEPT = 20_000;
/** Ages are told in these steps: a page takes longer to be loaded again. */
const AGE_STEP_MS = 10;

type LeaveMessage = Extract<EdgeMessage, { type: 'leave' }>;

interface Goodbye {
  readonly uid: string;
  readonly hash: string;
  readonly at: number;
  isTold: boolean;
}

/**
 * Viewers who said goodbye at this edge: other edges may count them too. Each is told to the operator as soon as can be,
 * and for a while again to each operator that connects. That does no harm: a sign of life since then makes it void.
 */
export class Goodbyes {
  readonly #now: () => number;
  /** In the order of their times, those that are told first. By `<uid> <hash>`. */
  readonly #kept = new Map<string, Goodbye>();
  #untold: Goodbye[] = [];

  /** @param now milliseconds of a clock that never steps back */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(uid: string, hash: string): void {
    const name = `${uid} ${hash}`;
    const goodbye = { uid, hash, at: this.#now(), isTold: false };
    this.#kept.delete(name);
    this.#kept.set(name, goodbye);
    this.#untold.push(goodbye);
    this.#forget();
  }

  /** All that are not told yet and still matter, as messages by channel and age. */
  take(): readonly LeaveMessage[] {
    const untold = this.#untold;
    this.#untold = [];
    return this.#messages(untold);
  }

  /** Those again that an operator before may not have heard, and all that are not told yet. */
  takeAgain(): readonly LeaveMessage[] {
    this.#forget();
    this.#untold = [];
    return this.#messages([...this.#kept.values()]);
  }

  #messages(goodbyes: readonly Goodbye[]): readonly LeaveMessage[] {
    const groups = new Map<string, LeaveMessage>();
    for (const goodbye of goodbyes) {
      goodbye.isTold = true;
      const { uid, hash, at } = goodbye;
      const age = this.#now() - at;
      if (age > KEEP_MS) continue;
      // Rather too young: evidence of the moment in which a viewer left has to go too.
      const secondsAgo = (Math.floor(age / AGE_STEP_MS) * AGE_STEP_MS) / 1000;
      const name = `${uid} ${secondsAgo}`;
      const group = groups.get(name) ?? { type: 'leave', uid, ids: [], secondsAgo };
      groups.set(name, group);
      group.ids.push(hash);
    }
    return [...groups.values()].flatMap((group) => pieces(group.ids).map((ids) => ({ ...group, ids })));
  }

  /** Those that are told long ago, and too many or too old ones. */
  #forget(): void {
    for (const [name, { at, isTold }] of this.#kept) {
      const age = this.#now() - at;
      if (this.#kept.size <= MAX_KEPT && age <= (isTold ? KEEP_TOLD_MS : KEEP_MS)) break;
      this.#kept.delete(name);
    }
    // Only while no operator takes them.
    if (this.#untold.length > MAX_KEPT) this.#untold.splice(0, this.#untold.length - MAX_KEPT);
  }
}
