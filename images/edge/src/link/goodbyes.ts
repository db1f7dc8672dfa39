import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { pieces } from './viewer-changes.ts';

/** Longer than a heartbeat lasts with the usual time-out of 60 s: nobody counts the viewer by then anyway. */
const KEEP_MS = 120_000;
/** Goodbyes that wait, about 150 bytes each; the oldest go first, and expire where they are counted. */
const MAX_WAITING = 20_000;

type LeaveMessage = Extract<EdgeMessage, { type: 'leave' }>;

/** Viewers who said goodbye at this edge, until an operator has heard of it: other edges may count them too. */
export class Goodbyes {
  readonly #now: () => number;
  /** In the order of their times. By `<uid> <hash>`. */
  readonly #waiting = new Map<string, { readonly uid: string; readonly hash: string; readonly at: number }>();

  /** @param now milliseconds of a clock that never steps back */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(uid: string, hash: string): void {
    const name = `${uid} ${hash}`;
    this.#waiting.delete(name);
    this.#waiting.set(name, { uid, hash, at: this.#now() });
    if (this.#waiting.size <= MAX_WAITING) return;
    const [oldest = ''] = this.#waiting.keys();
    this.#waiting.delete(oldest);
  }

  /** All that wait and still matter, as messages by channel and age in whole seconds; nothing waits any more then. */
  take(): readonly LeaveMessage[] {
    const groups = new Map<string, LeaveMessage>();
    for (const { uid, hash, at } of this.#waiting.values()) {
      const age = this.#now() - at;
      if (age > KEEP_MS) continue;
      const secondsAgo = Math.floor(age / 1000);
      const name = `${uid} ${secondsAgo}`;
      const group = groups.get(name) ?? { type: 'leave', uid, ids: [], secondsAgo };
      groups.set(name, group);
      group.ids.push(hash);
    }
    this.#waiting.clear();
    return [...groups.values()].flatMap((group) => pieces(group.ids).map((ids) => ({ ...group, ids })));
  }
}
