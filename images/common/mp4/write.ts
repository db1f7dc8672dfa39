/** Bytes of a box's header where its size fits into 32 bits (ISO/IEC 14496-12 4.2). */
export const BOX_HEADER_BYTES = 8;

/** The header of a box with so many bytes in it; with it, it has to fit into 32 bits. */
export function boxHeader(type: string, contentBytes: number): Uint8Array {
  const header = Buffer.allocUnsafe(BOX_HEADER_BYTES);
  header.writeUInt32BE(BOX_HEADER_BYTES + contentBytes, 0);
  header.write(type, 4, 'latin1');
  return header;
}

/** A box of these contents, one behind the other. */
export function writeBox(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([boxHeader(type, length), ...parts]);
}

/** Fields of 32 bits, signed or not, one behind the other. */
export function words(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => {
    view.setUint32(4 * index, value);
  });
  return new Uint8Array(view.buffer);
}

/** One field of 64 bits. */
export function longWord(value: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  return new Uint8Array(view.buffer);
}
