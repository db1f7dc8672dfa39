import { fourccAt, invalidMp4 } from '@sluice/common/mp4/box.ts';
import { BOX_HEADER_BYTES } from '@sluice/common/mp4/write.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';

/** One outermost box as it stands in a file, with its header. */
export interface StreamedBox {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Cuts a file that comes in pieces into its outermost boxes. Memory: one box, at most the bytes of a segment. */
export class BoxStream {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Bytes that make the next step possible: a header, or a whole box. */
  #needed = BOX_HEADER_BYTES;

  /**
   * Takes the next bytes.
   * @returns the boxes that they complete
   * @throws SluiceError MP4_INVALID where a box is shorter than its header, or larger than any that is expected
   */
  push(chunk: Uint8Array): readonly StreamedBox[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const boxes: StreamedBox[] = [];
    if (this.#length < this.#needed) return boxes;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    this.#needed = BOX_HEADER_BYTES;
    while (bytes.length - at >= BOX_HEADER_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, BOX_HEADER_BYTES);
      const [size, type] = [view.getUint32(0), fourccAt(view, 4)];
      if (size < BOX_HEADER_BYTES || size > MAX_SEGMENT_BYTES) throw invalidMp4(`box "${type}" says ${size} bytes`);
      if (bytes.length - at < size) {
        this.#needed = size;
        break;
      }
      boxes.push({ type, bytes: bytes.subarray(at, at + size) });
      at += size;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#length = bytes.length - at;
    return boxes;
  }
}
