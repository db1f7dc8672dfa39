import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPacket } from './packet.ts';
import { readPesHeader } from './pes.ts';
import { StreamWriter, TEST_PIDS } from './stream.testing.ts';
import { TIMESTAMP_MODULUS } from './timestamp.ts';

const timestamp = fc.integer({ min: 0, max: TIMESTAMP_MODULUS - 1 });

function pesWith(pts: number, dts?: number): Uint8Array {
  const frame = { pid: TEST_PIDS.video, pts, payload: new Uint8Array(10) };
  const bytes = new StreamWriter().frame(dts === undefined ? frame : { ...frame, dts });
  const packet = readPacket(bytes, 0);
  return bytes.subarray(packet.payload, packet.end);
}

describe('readPesHeader', () => {
  test('reads every timestamp of 33 bits', () => {
    fc.assert(
      fc.property(timestamp, timestamp, (pts, dts) => {
        expect(readPesHeader(pesWith(pts, dts))).toEqual({ streamId: 0xe0, pts, dts, headerBytes: 19 });
        expect(readPesHeader(pesWith(pts))).toEqual({ streamId: 0xe0, pts, dts: pts, headerBytes: 14 });
      }),
    );
  });

  test('asks for more bytes where the header is cut off', () => {
    const whole = pesWith(1, 2);
    for (let length = 0; length < 19; length++) expect(readPesHeader(whole.subarray(0, length))).toBeNull();
  });

  test('packets without optional header have no timestamps', () => {
    const padding = Uint8Array.from([0, 0, 1, 0xbe, 0, 3, 1, 2, 3]);
    expect(readPesHeader(padding)).toEqual({ streamId: 0xbe, pts: null, dts: null, headerBytes: 6 });
  });

  test.each([
    ['start code', [0, 0, 2, 0xe0, 0, 0, 0x80, 0x80, 5]],
    ['syntax of MPEG-2', [0, 0, 1, 0xe0, 0, 0, 0x20, 0x80, 5]],
    ['too short for its timestamps', [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 2, 0, 0]],
  ])('refuses a header without its %s', (message, bytes) => {
    expect(() => readPesHeader(Uint8Array.from(bytes))).toThrow(message);
  });
});
