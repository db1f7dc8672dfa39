import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import type { BodyLimits } from './body.ts';
import { sourceError } from './errors.ts';

/** A part of a file (EXT-X-BYTERANGE, RFC 8216bis 4.4.4.2), in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What is asked for, as far as it says how much. */
type Asked = BodyLimits & { readonly range?: ByteRange };

/** The head of an answer, as far as it says what part of the file it has. */
export interface RangeHead {
  /** 206 for the part, 200 for the whole file: the server ignores Range (RFC 9110 14.2). */
  readonly status: number;
  /** Content-Range; null where it does not say. */
  readonly contentRange: string | null;
}

/**
 * How much of an answer is read: nothing behind the part that was asked for, and of a whole file what stands in front of it as
 * well. Throws SOURCE_TOO_LARGE where that would be more than a segment may have.
 */
export function limitsOf({ range, maxBytes, partial = false }: Asked, { status }: RangeHead): BodyLimits {
  if (range === undefined || (range.length > maxBytes && !partial)) return { maxBytes, partial };
  const wanted = Math.min(range.length, maxBytes);
  if (status !== 200) return { maxBytes: wanted, partial: true };
  const end = range.offset + wanted;
  if (end <= MAX_SEGMENT_BYTES) return { maxBytes: end, partial: true };
  throw sourceError(
    'SOURCE_TOO_LARGE',
    `The source's server ignores Range and sends a whole file, of which ${end} bytes would have to be read, at most ${MAX_SEGMENT_BYTES} are`,
  );
}

/**
 * The part that was asked for, out of what was read. Throws SEGMENT_BROKEN where it is another one, or, of what has to be
 * whole, shorter.
 */
export function partOf(bytes: Uint8Array, { range, partial = false }: Asked, head: RangeHead): Uint8Array {
  if (range === undefined) return bytes;
  const part = head.status === 200 ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
  const from = /^bytes (\d{1,15})-/.exec(head.contentRange ?? '')?.[1];
  if (head.status === 206 && from !== undefined && Number(from) !== range.offset) {
    throw sourceError('SEGMENT_BROKEN', `The source sends bytes from ${from} on where ${range.offset} was asked for`);
  }
  if (part.length < range.length && !partial) {
    const message = `The source sends ${part.length} of the ${range.length} bytes that its playlist names (EXT-X-BYTERANGE)`;
    throw sourceError('SEGMENT_BROKEN', message);
  }
  return part;
}
