import { readSection, type SourceSection } from '../fragment/section.ts';
import type { SourceSegment } from './container.ts';
import { readFragmentedMp4 } from './fmp4.ts';
import { readTransportStream } from './mpegts.ts';

/**
 * Reads source segments of either container: those with an initialization section are fragmented MP4. Memory: the newest
 * section, which nearly all segments share.
 */
export class SegmentReader {
  #section: SourceSection | null = null;

  /** Whether the section of this name has to be fetched for the next segment. */
  needs(init: string): boolean {
    return this.#section?.name !== init;
  }

  /**
   * Takes the section of this name for the segments that follow.
   * @throws SluiceError MP4_INVALID, SOURCE_UNSUITABLE; it is needed then as before
   */
  learn(init: string, bytes: Uint8Array): void {
    this.#section = readSection(init, bytes);
  }

  /**
   * @param init name of its section, which is known; null where it has none
   * @throws SluiceError TS_INVALID, MP4_INVALID, SOURCE_UNSUITABLE
   */
  read(epoch: number, msn: number, bytes: Uint8Array, init: string | null): SourceSegment {
    if (init === null) return readTransportStream(epoch, msn, bytes);
    if (this.#section?.name !== init) throw new Error(`the section "${init}" was not learnt`);
    return readFragmentedMp4(epoch, msn, bytes, this.#section);
  }
}
