const PACKET_BYTES = 188;
/** Tables of a program that FFmpeg writes: PAT, SDT, and PMT from here on (ISO/IEC 13818-1 2.4.3.3). */
const FIRST_PMT_PID = 0x1000;
const FIRST_MEDIA_PID = 0x20;

/** Where the PES packet of this index begins in an MPEG-TS segment of one track. @throws Error where there are fewer */
function startOfPes(segment: Uint8Array, index: number): number {
  let found = -1;
  for (let at = 0; at < segment.length; at += PACKET_BYTES) {
    const [, second = 0, third = 0] = segment.subarray(at, at + 3);
    const pid = ((second & 0x1f) << 8) | third;
    const isMedia = pid >= FIRST_MEDIA_PID && pid !== FIRST_PMT_PID;
    if (isMedia && (second & 0x40) !== 0) found += 1;
    if (found === index) return at;
  }
  throw new Error(`a segment has no ${index + 1} PES packets`);
}

/**
 * A segment of one track that is cut some PES packets later than FFmpeg has cut it, at both of its ends: what it has left of
 * its own, and the beginning of the one behind it.
 */
export function cutLater(own: Uint8Array, next: Uint8Array, packets: number): Buffer {
  const tables = own.subarray(0, startOfPes(own, 0));
  return Buffer.concat([
    tables,
    own.subarray(startOfPes(own, packets)),
    next.subarray(startOfPes(next, 0), startOfPes(next, packets)),
  ]);
}
