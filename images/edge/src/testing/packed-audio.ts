/** Packed audio that begins at this time of the clock of MPEG-TS (RFC 8216bis 3.1.3): its ID3 tag and the head of one frame. */
export function aacSegment(startSeconds: number): Uint8Array {
  const start = Buffer.alloc(8);
  start.writeBigUInt64BE(BigInt(Math.round(startSeconds * 90_000)));
  const owner = Buffer.from('com.apple.streaming.transportStreamTimestamp\0');
  const frame = Buffer.concat([Buffer.from('PRIV'), Buffer.from([0, 0, 0, 53, 0, 0]), owner, start]);
  const head = Buffer.from([...Buffer.from('ID3'), 4, 0, 0, 0, 0, 0, 63]);
  return Buffer.concat([head, frame, Buffer.from('fff14c80', 'hex')]);
}
