import type { TimelineLog } from '../timeline/log.ts';
import { PlaylistTexts } from '../timeline/playlist-texts.ts';
import { checkRung } from './rungs.ts';
import type { PlaylistAnswer } from './service.ts';
import type { Waiters } from './waiters.ts';

/** What one edge shows of a channel, as its owner or as a follower. */
export interface Shown {
  readonly waiters: Waiters;
  rungs(): readonly string[];
  /** Somebody asks for a rung that there is: whatever that needs begins. */
  asked(rung: string): void;
  /** What a viewer who comes now is shown; null: he waits for it. */
  listed(): TimelineLog | null;
  /** What is shown where waiting came to nothing, with this error. Throws what the viewer gets where nothing is. */
  instead(error: unknown, signal: AbortSignal): TimelineLog;
}

/** Answers requests for the media playlists of one channel. */
export class MediaPlaylists {
  readonly #shown: Shown;
  readonly #texts = new PlaylistTexts();

  constructor(shown: Shown) {
    this.#shown = shown;
  }

  /** Waits up to 10 s for what is listed. Throws RUNG_UNKNOWN and the errors of {@link Shown.instead}. */
  async get(rung: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    checkRung(rung, this.#shown.rungs());
    this.#shown.asked(rung);
    const log = await this.#shown.waiters
      .wait(() => this.#shown.listed(), signal)
      .catch((error: unknown) => this.#shown.instead(error, signal));
    return this.#texts.of(log, rung);
  }

  /** What a request would get at once; null where it would wait or be refused. */
  listed(rung: string): PlaylistAnswer | null {
    const log = this.#shown.listed();
    return log?.rungs.includes(rung) === true ? this.#texts.of(log, rung) : null;
  }
}
