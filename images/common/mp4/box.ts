import { SluiceError } from '../errors/error.ts';

/** Boxes of one level that are read: files of live streams have dozens, more is an attempt to keep us busy. */
const MAX_BOXES = 10_000;

/**
 * The one error of this folder: bytes that are no ISO base media file (ISO/IEC 14496-12) of the kind that HLS uses.
 * Code `MP4_INVALID`, not retryable: the same bytes never become valid.
 */
export function invalidMp4(message: string): SluiceError {
  return new SluiceError(message, { code: 'MP4_INVALID', retryable: false, status: 422 });
}

/** A box (ISO/IEC 14496-12 4.2): its four-letter type and what it contains. */
export interface Box {
  readonly type: string;
  /** Bytes of the header in front of the content: 8, or 16 where the size has 64 bits. */
  readonly headerBytes: number;
  /** Without the header. */
  readonly content: DataView;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The boxes of one level, in order; nothing is copied. `partial`: the bytes are the beginning of a file, and the last
 * box may reach beyond them. Throws MP4_INVALID where a box is longer than what holds it, or shorter than its header.
 */
export function readBoxes(bytes: Uint8Array | DataView, partial = false): readonly Box[] {
  const view = bytes instanceof DataView ? bytes : viewOf(bytes);
  const boxes: Box[] = [];
  let at = 0;
  while (at < view.byteLength) {
    if (view.byteLength - at < 8) {
      if (partial) break;
      throw invalidMp4(`${view.byteLength - at} bytes are left where a box should begin`);
    }
    const header = headerAt(view, at);
    if (header === null && partial) break;
    if (header === null) throw invalidMp4(`box "${fourccAt(view, at + 4)}" ends within its header`);
    const end = at + header.size;
    if (header.size < header.length || (end > view.byteLength && !partial)) {
      throw invalidMp4(`box "${header.type}" says ${header.size} bytes where ${view.byteLength - at} are`);
    }
    const length = Math.min(end, view.byteLength) - at - header.length;
    boxes.push({
      type: header.type,
      headerBytes: header.length,
      content: new DataView(view.buffer, view.byteOffset + at + header.length, length),
    });
    if (boxes.length > MAX_BOXES) throw invalidMp4(`more than ${MAX_BOXES} boxes in one place`);
    at = end;
  }
  return boxes;
}

/** Null where the bytes end within a header of 64 bits. */
function headerAt(view: DataView, at: number): { type: string; size: number; length: number } | null {
  const type = fourccAt(view, at + 4);
  const size = view.getUint32(at);
  if (size === 0) return { type, size: view.byteLength - at, length: 8 };
  if (size !== 1) return { type, size, length: 8 };
  if (view.byteLength - at < 16) return null;
  return { type, size: Number(view.getBigUint64(at + 8)), length: 16 };
}

/** Four characters, e.g. a box type; what is no letter, digit or blank becomes `?`, because it may reach a log. */
export function fourccAt(view: DataView, at: number): string {
  const codes = [0, 1, 2, 3].map((index) => view.getUint8(at + index));
  return String.fromCharCode(...codes).replace(/[^\w\- ]/g, '?');
}

/** A box as it stands in its file, with its header; nothing is copied. */
export function wholeBox({ content, headerBytes }: Box): Uint8Array {
  return new Uint8Array(content.buffer, content.byteOffset - headerBytes, headerBytes + content.byteLength);
}

/** The first box of a type. Throws MP4_INVALID where there is none. */
export function child(boxes: readonly Box[], type: string): Box {
  const found = boxes.find((box) => box.type === type);
  if (found === undefined) throw invalidMp4(`there is no "${type}" box where one must be`);
  return found;
}

/** Runs a reader of fixed fields; reading beyond the end of a box becomes MP4_INVALID. */
export function readFields<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw invalidMp4(`${what} is too short`);
    throw error;
  }
}
