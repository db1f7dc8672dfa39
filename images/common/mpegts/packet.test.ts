import { describe, expect, test } from '@jest/globals';
import { Continuity } from './continuity.ts';
import { PACKET_BYTES, readPacket, readPackets } from './packet.ts';
import { picture, StreamWriter, TEST_PIDS } from './stream.testing.ts';

function packetWith(bytes: readonly number[]): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES).fill(0xff);
  packet.set(bytes);
  return packet;
}

/** Packets of one PID with the given counters; `a`: without payload, `d`: with discontinuity_indicator as well. */
function accepted(...packets: readonly [counter: number, kind: '' | 'a' | 'd'][]): readonly boolean[] {
  const continuity = new Continuity();
  return packets.map(([counter, kind]) => {
    const control = kind === '' ? 0x10 : 0x20;
    const field = kind === '' ? [] : [183, kind === 'd' ? 0x80 : 0];
    return continuity.accept(readPacket(packetWith([0x47, 0x01, 0x00, control | counter, ...field]), 0));
  });
}

describe('readPacket', () => {
  test('reads PID, payload start, counter, adaptation flags and where the payload lies', () => {
    const bytes = packetWith([0x47, 0x41, 0x02, 0x37, 2, 0xc0, 0]);
    expect(readPacket(bytes, 0)).toEqual({
      pid: 0x102,
      unitStart: true,
      transportError: false,
      scrambled: false,
      counter: 7,
      hasPayload: true,
      payload: 7,
      end: 188,
      discontinuity: true,
      randomAccess: true,
    });
  });

  test.each([
    ['is cut off', new Uint8Array(100).fill(0x47)],
    ['no sync byte', new Uint8Array(188)],
    ['longer than its packet', packetWith([0x47, 0x01, 0x00, 0x30, 184])],
  ])('refuses what is no packet: %s', (message, bytes) => {
    expect(() => readPacket(bytes, 0)).toThrow(expect.objectContaining({ code: 'TS_INVALID', retryable: false }));
    expect(() => readPacket(bytes, 0)).toThrow(message);
  });
});

describe('continuity counters', () => {
  test.each<[string, readonly [number, '' | 'a' | 'd'][], readonly boolean[]]>([
    [
      'count on modulo 16',
      [
        [14, ''],
        [15, ''],
        [0, ''],
      ],
      [true, true, true],
    ],
    [
      'stand still without payload',
      [
        [3, ''],
        [3, 'a'],
        [4, ''],
      ],
      [true, true, true],
    ],
    [
      'may be repeated once',
      [
        [3, ''],
        [3, ''],
        [3, ''],
        [4, ''],
      ],
      [true, true, false, true],
    ],
    [
      'show a lost packet once',
      [
        [3, ''],
        [5, ''],
        [6, ''],
      ],
      [true, false, true],
    ],
    [
      'may jump with discontinuity_indicator',
      [
        [3, ''],
        [9, 'd'],
        [10, ''],
      ],
      [true, true, true],
    ],
    [
      'must go on from the jump',
      [
        [3, ''],
        [9, 'd'],
        [12, ''],
      ],
      [true, true, false],
    ],
  ])('%s', (_, packets, expected) => {
    expect(accepted(...packets)).toEqual(expected);
  });

  test('are independent per PID', () => {
    const writer = new StreamWriter();
    const bytes = Buffer.concat([
      writer.frame({ pid: TEST_PIDS.video, pts: 0, payload: picture('idr', 1000) }),
      writer.frame({ pid: TEST_PIDS.audio, pts: 0, payload: picture('idr', 1000) }),
      writer.frame({ pid: TEST_PIDS.video, pts: 1, payload: picture('slice', 1000) }),
    ]);
    const continuity = new Continuity();
    expect([...readPackets(bytes)].every((packet) => continuity.accept(packet))).toBe(true);
  });
});
