import { describe, expect, test } from '@jest/globals';
import { PACKET_BYTES } from '@sluice/common/mpegts/packet.ts';
import { adtsFrame, picture, StreamWriter, TEST_PIDS } from '@sluice/common/mpegts/stream.testing.ts';
import type { Boundary } from '../split/boundary.ts';
import { faultOf } from './segment.ts';

const BOUNDARY: Boundary = { msn: 7, videoPts: 90_000, audioPts: 88_000, videoFrames: 1 };

function segment(options: { videoPts?: number; audioPts?: number | null; type?: 'idr' | 'slice' } = {}): Buffer {
  const { videoPts = 90_000, audioPts = 88_000, type = 'idr' } = options;
  const writer = new StreamWriter();
  const audio = audioPts === null ? [] : [writer.frame({ pid: TEST_PIDS.audio, pts: audioPts, payload: adtsFrame() })];
  return Buffer.concat([
    writer.tables(),
    writer.frame({ pid: TEST_PIDS.video, pts: videoPts, payload: picture(type, 2000) }),
    ...audio,
  ]);
}

const whole = segment();
const lossy = Buffer.concat([whole.subarray(0, 4 * PACKET_BYTES), whole.subarray(5 * PACKET_BYTES)]);

describe('faultOf', () => {
  test.each<[string, Uint8Array, Boundary, string | null]>([
    ['a whole segment', whole, BOUNDARY, null],
    ['audio within its tolerance', segment({ audioPts: 88_090 }), BOUNDARY, null],
    ['no audio where the source has none', segment({ audioPts: null }), { ...BOUNDARY, audioPts: null }, null],
    ['not in sync', whole.subarray(1), BOUNDARY, 'no sync byte at byte 0: not an MPEG transport stream'],
    ['cut off', whole.subarray(0, 600), BOUNDARY, 'transport packet at byte 564 is cut off after 36 of 188 bytes'],
    ['a packet is lost', lossy, BOUNDARY, '1 packets do not follow on'],
    ['no keyframe', segment({ type: 'slice' }), BOUNDARY, 'the first video frame is not a keyframe'],
    [
      'video late by one tick',
      segment({ videoPts: 90_001 }),
      BOUNDARY,
      "video begins 1 ticks from the source's segment",
    ],
    [
      'audio a frame early',
      segment({ audioPts: 86_080 }),
      BOUNDARY,
      "audio begins -1920 ticks from the source's segment",
    ],
    ['audio missing', segment({ audioPts: null }), BOUNDARY, "no audio frame, though the source's segment has audio"],
    ['a frame missing', whole, { ...BOUNDARY, videoFrames: 2 }, "1 video frames, the source's segment has 2"],
    ['only tables', new StreamWriter().tables(), BOUNDARY, 'no video frame'],
  ])('%s', (_, bytes, boundary, fault) => {
    expect(faultOf(bytes, boundary)).toBe(fault);
  });
});
