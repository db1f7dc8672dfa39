import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { type SetTimer, setMachineTimer } from '@sluice/common/link/timer.ts';

/** The operator tells an edge of a channel that it is asked for during a minute. */
const ASK_AGAIN_MS = 30_000;
/** An operator that is there answers within milliseconds; one that is too old does not. */
const ANSWER_MS = 250;
/** Channels asked for that are remembered; beyond it some are asked for more often. */
const MAX_REMEMBERED = 10_000;

/** Where questions go. */
export interface WatchPeer {
  send(message: EdgeMessage): void;
}

interface Watch {
  readonly askedAt: number;
  /** Resolves once the count is there, or will not come. */
  readonly told: Promise<void>;
  readonly settle: () => void;
}

/** Asks the operator for the counts of channels that somebody wants to know of and that this edge does not serve. */
export class Watches {
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  readonly #watches = new Map<string, Watch>();
  #peer: WatchPeer | null = null;

  /** @param now milliseconds of a clock that never steps back */
  constructor(now: () => number, setTimer: SetTimer = setMachineTimer) {
    this.#now = now;
    this.#setTimer = setTimer;
  }

  /** An operator has proved itself. */
  connect(peer: WatchPeer): void {
    this.disconnect();
    this.#peer = peer;
  }

  /** The connection is gone: nothing is told any more. */
  disconnect(): void {
    this.#peer = null;
    for (const { settle } of this.#watches.values()) settle();
    this.#watches.clear();
  }

  /** Resolves when what the operator has told of a channel is fresh, or will not be: at once from the second time on. */
  async ask(uid: string): Promise<void> {
    if (this.#peer === null) return;
    const known = this.#watches.get(uid);
    const isFresh = known !== undefined && this.#now() - known.askedAt < ASK_AGAIN_MS;
    await (isFresh ? known : this.#send(uid, this.#peer)).told;
  }

  /** The operator has told the count of a channel. */
  heard(uid: string): void {
    this.#watches.get(uid)?.settle();
  }

  #send(uid: string, peer: WatchPeer): Watch {
    const { promise, resolve } = Promise.withResolvers<void>();
    const callOff = this.#setTimer(resolve, ANSWER_MS);
    const settle = (): void => {
      callOff();
      resolve();
    };
    if (this.#watches.size >= MAX_REMEMBERED) {
      const [oldest = '', watch] = this.#watches.entries().next().value ?? [];
      watch?.settle();
      this.#watches.delete(oldest);
    }
    const watch = { askedAt: this.#now(), told: promise, settle };
    this.#watches.delete(uid);
    this.#watches.set(uid, watch);
    peer.send({ type: 'watch', uid });
    return watch;
  }
}
