import type { Route } from '@sluice/common/link/route.ts';
import { TranscodeSession } from './transcode.ts';
import type { SessionUnderWay } from './under-way.ts';

/** The transcode sessions of one channel at its owner. */
export class ChannelSessions {
  #current: TranscodeSession | null = null;
  /** The session before: its pod may still ask what to do, and is told to end. */
  #ended: TranscodeSession | null = null;

  /** The one that works now; null if there is none. */
  get current(): TranscodeSession | null {
    return this.#current;
  }

  /** The session of this name, running or just ended; null if there is none. */
  named(name: string): TranscodeSession | null {
    return [this.#current, this.#ended].find((session) => session?.name === name) ?? null;
  }

  /** Takes what a route says of it. */
  take({ session }: Pick<Route, 'session'>): void {
    if (session !== null && this.#current?.uid === session.uid) {
      this.#current.update(session);
      return;
    }
    this.#ended = this.#current ?? this.#ended;
    this.#current = session === null ? null : new TranscodeSession(session);
  }

  /** Goes on with what the channel's last owner knew of it at `now`, ms of the clock. */
  goOn(underWay: SessionUnderWay | null, now: number): void {
    if (underWay !== null) this.#current?.goOn(underWay, now);
  }
}
