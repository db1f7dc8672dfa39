import type { TimelineLog } from './log.ts';
import { mediaPlaylist } from './playlist.ts';

/**
 * Media playlists that have been written, as long as their log is the newest: thousands of viewers read the same text
 * once per target duration. A log is never changed, so it is its own key.
 */
export class PlaylistTexts {
  #log: TimelineLog | null = null;
  readonly #texts = new Map<string, string>();

  /** {@link mediaPlaylist} of a log and a rung, written once. Throws RUNG_UNKNOWN (404). */
  of(log: TimelineLog, rung: string): string {
    if (this.#log !== log) {
      this.#log = log;
      this.#texts.clear();
    }
    const known = this.#texts.get(rung);
    if (known !== undefined) return known;
    const text = mediaPlaylist(log, rung);
    this.#texts.set(rung, text);
    return text;
  }
}
