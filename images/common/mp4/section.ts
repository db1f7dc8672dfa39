import { type Box, invalidMp4, readBoxes } from './box.ts';

/** Largest initialization section in bytes: one has some kilobytes, and megabytes are no such thing. */
export const MAX_INIT_BYTES = 1024 * 1024;

/** A file that begins with its initialization section, parted; both are views of it. */
export interface SectionAndMedia {
  /** Up to the end of the Movie Box (`moov`). */
  readonly init: Uint8Array;
  /** What follows: the media segment. */
  readonly media: Uint8Array;
}

/** Where a box ends in `bytes`, which hold it. */
function endOf(box: Box, bytes: Uint8Array): number {
  return box.content.byteOffset + box.content.byteLength - bytes.byteOffset;
}

/**
 * Parts an initialization section from the media segment directly behind it, as a rung's segment is handed over
 * (images/common/work/contract.ts). Nothing is copied, and nothing but the outermost boxes is read.
 * Throws MP4_INVALID where it does not begin with one section, or nothing follows.
 */
export function readInit(bytes: Uint8Array): SectionAndMedia {
  const boxes = readBoxes(bytes);
  const at = boxes.findIndex(({ type }) => type === 'moov');
  const moov = boxes[at];
  if (moov === undefined) throw invalidMp4('there is no initialization section ("moov") in front of the segment');
  const early = boxes.slice(0, at).find(({ type }) => type === 'moof' || type === 'mdat');
  if (early !== undefined) throw invalidMp4(`"${early.type}" stands before the initialization section`);
  const end = endOf(moov, bytes);
  if (end === bytes.length) throw invalidMp4('there is no segment behind the initialization section');
  return { init: bytes.subarray(0, end), media: bytes.subarray(end) };
}
