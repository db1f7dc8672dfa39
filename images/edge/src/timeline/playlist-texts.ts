import type { PlaylistAnswer } from '../channel/service.ts';
import type { TimelineLog } from './log.ts';
import { mediaPlaylist } from './playlist.ts';

/**
 * Media playlists that have been written, as long as their log is the newest: thousands of viewers read the same text
 * once per target duration. A log is never changed, so it is its own key; and so is an answer for whoever sends it.
 */
export class PlaylistTexts {
  #log: TimelineLog | null = null;
  readonly #answers = new Map<string, PlaylistAnswer>();

  /**
   * {@link mediaPlaylist} of a log and a rung, written once, which a shared cache may keep for half a target duration.
   * Throws RUNG_UNKNOWN (404).
   */
  of(log: TimelineLog, rung: string): PlaylistAnswer {
    if (this.#log !== log) {
      this.#log = log;
      this.#answers.clear();
    }
    const known = this.#answers.get(rung);
    if (known !== undefined) return known;
    const maxAgeSeconds = Math.max(1, Math.floor(log.targetDurationSeconds / 2));
    const answer = { text: mediaPlaylist(log, rung), maxAgeSeconds };
    this.#answers.set(rung, answer);
    return answer;
  }
}
