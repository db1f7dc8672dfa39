/**
 * What a player has buffered, as time: it starts to show with its first segment and shows on as long as the next one is
 * complete when the one before ends. A segment that comes later is a stall: the picture stood still for it.
 */
export class PlaybackBuffer {
  /** When everything that has arrived will have been shown; null before the first segment. */
  #emptyAt: number | null = null;

  /**
   * A segment is complete.
   * @param atMilliseconds of any monotonic clock
   * @returns for how many milliseconds the picture had stood still; 0 for a segment in time
   */
  add(atMilliseconds: number, durationSeconds: number): number {
    const emptyAt = this.#emptyAt ?? atMilliseconds;
    this.#emptyAt = Math.max(emptyAt, atMilliseconds) + durationSeconds * 1000;
    return Math.max(0, atMilliseconds - emptyAt);
  }
}
