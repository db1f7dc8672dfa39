import { encryptionOf } from './facts.ts';
import type { SourcePlaylist } from './parse.ts';

/**
 * Time in ms without any encrypted segment after which a source counts as clear: sources that leave their advertisements clear
 * have a film between two breaks, and a transcoder that started for each break would have nothing to encode soon.
 */
export const CLEAR_AFTER_MS = 600_000;

/** How a source is encrypted, over all its segments: one that alternates is as good as encrypted for a transcoder. */
export class EncryptionSeen {
  #method: string | null = null;
  #seenAt = 0;

  /** Takes a playlist into account at `now`, ms. @returns METHOD of the keys; null where nothing is or was encrypted lately */
  look({ segments }: Pick<SourcePlaylist, 'segments'>, now: number): string | null {
    const encrypted = segments.findLast((segment) => encryptionOf(segment) !== null);
    if (encrypted !== undefined) {
      this.#method = encryptionOf(encrypted);
      this.#seenAt = now;
    } else if (now - this.#seenAt >= CLEAR_AFTER_MS) {
      this.#method = null;
    }
    return this.#method;
  }
}
