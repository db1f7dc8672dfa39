import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import fc from 'fast-check';
import { inspectSegment } from './inspect.ts';
import { jointPackets, withJoint } from './joint.ts';
import { PACKET_BYTES } from './packet.ts';
import { adtsFrame, picture, StreamWriter, TEST_PIDS, TEST_STREAMS } from './stream.testing.ts';
import { TIMESTAMP_MODULUS } from './timestamp.ts';

/** SPS of 640x360 at 25 frames per second, as libx264 writes it. */
const SPS = Buffer.from('000000016764001eacd940a02ff97011000003000100000300320f162d96', 'hex');

/** A segment of `frames` video frames, two B-frames late, and one audio frame per video frame. */
function segment(frames: number, firstPts = 900_000, writer = new StreamWriter()): Buffer {
  const parts: Uint8Array[] = [writer.tables()];
  for (let index = 0; index < frames; index++) {
    const dts = (firstPts - 7200 + index * 3600 + TIMESTAMP_MODULUS) % TIMESTAMP_MODULUS;
    const pts = (dts + 7200) % TIMESTAMP_MODULUS;
    const payload = index === 0 ? Buffer.concat([SPS, picture('idr', 3000)]) : picture('slice', 700);
    parts.push(writer.frame({ pid: TEST_PIDS.video, pts, dts, payload, randomAccess: index === 0 }));
    parts.push(
      writer.frame({ pid: TEST_PIDS.audio, pts: (firstPts + index * 1920) % TIMESTAMP_MODULUS, payload: adtsFrame() }),
    );
  }
  return Buffer.concat(parts);
}

describe('inspectSegment', () => {
  test('says what a segment holds', () => {
    const bytes = segment(50);
    expect(inspectSegment(bytes)).toEqual({
      video: {
        pid: TEST_PIDS.video,
        streamType: 0x1b,
        codec: 'avc1.64001e',
        width: 640,
        height: 360,
        frameRateMilli: 25_000,
        firstPts: 900_000,
        firstDts: 892_800,
        frames: 50,
        startsWithKeyframe: true,
      },
      audio: {
        pid: TEST_PIDS.audio,
        streamType: 0x0f,
        codec: 'mp4a.40.2',
        firstPts: 900_000,
        sampleRateHz: 48_000,
        channels: 2,
      },
      pmtPid: TEST_PIDS.pmt,
      continuityErrors: 0,
      packets: bytes.length / PACKET_BYTES,
    });
  });

  test('measures the frame rate where the parameter set is missing, over a wrap as well', () => {
    const writer = new StreamWriter();
    const frames = [0, 1, 2].map((index) =>
      writer.frame({
        pid: TEST_PIDS.video,
        pts: (TIMESTAMP_MODULUS - 1800 + index * 1800) % TIMESTAMP_MODULUS,
        payload: picture('slice'),
      }),
    );
    const { video, audio } = inspectSegment(Buffer.concat([writer.tables(), ...frames]));
    expect(video).toMatchObject({ codec: '', width: 0, frameRateMilli: 50_000, startsWithKeyframe: false, frames: 3 });
    expect(audio).toBeNull();
  });

  test('a stream that is announced and empty is null', () => {
    expect(inspectSegment(new StreamWriter().tables())).toMatchObject({ video: null, audio: null });
  });

  test('counts lost packets', () => {
    const bytes = segment(10);
    const lost = Buffer.concat([bytes.subarray(0, 5 * PACKET_BYTES), bytes.subarray(6 * PACKET_BYTES)]);
    expect(inspectSegment(lost).continuityErrors).toBe(1);
  });

  test('refuses scrambled media, nothing, and text', () => {
    const bytes = segment(2);
    bytes[2 * PACKET_BYTES + 3] = 0xd0;
    expect(() => inspectSegment(bytes)).toThrow(`PID ${TEST_PIDS.video} is scrambled`);
    expect(() => inspectSegment(new Uint8Array(0))).toThrow('empty');
    expect(() => inspectSegment(Buffer.from('<!doctype html>'.repeat(50)))).toThrow('no sync byte');
  });

  test('every truncation is refused or understood', () => {
    const bytes = segment(4);
    const answerTo = (cut: Uint8Array): unknown => {
      try {
        return inspectSegment(cut).pmtPid;
      } catch (error) {
        return error instanceof SluiceError ? error.code : error;
      }
    };
    const lengths = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) => index * 7);
    const whole = (length: number): boolean => length % PACKET_BYTES === 0 && length >= 2 * PACKET_BYTES;
    expect(lengths.map((length) => answerTo(bytes.subarray(0, length)))).toEqual(
      lengths.map((length) => (whole(length) ? TEST_PIDS.pmt : 'TS_INVALID')),
    );
  });

  test('damage anywhere never throws anything but TS_INVALID', () => {
    const whole = segment(6);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        expectOnlyInvalid(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('random packets never throw anything but TS_INVALID', () => {
    const header = fc.tuple(
      fc.constantFrom(0, TEST_PIDS.pmt, TEST_PIDS.video, TEST_PIDS.audio),
      fc.nat(255),
      fc.nat(255),
    );
    const packet = fc
      .tuple(header, fc.uint8Array({ minLength: 184, maxLength: 184 }))
      .map(([[pid, byte1, byte3], body]) =>
        Buffer.concat([Buffer.from([0x47, (byte1 & 0xe0) | (pid >> 8), pid & 0xff, byte3]), body]),
      );
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 20 }), (packets) => {
        expectOnlyInvalid(Buffer.concat([new StreamWriter().tables(), ...packets]));
      }),
      { numRuns: 200 },
    );
  });

  test('work grows with the size, not faster: sixteen times the bytes in at most fifty times the processor time', () => {
    const small = segment(200);
    const large = segment(3200);
    // Processor time, not a clock's: other programs of a busy machine must not count.
    const work = (bytes: Uint8Array): number => {
      const before = process.cpuUsage();
      inspectSegment(bytes);
      return process.cpuUsage(before).user / 1000;
    };
    const best = (bytes: Uint8Array): number => Math.min(...Array.from({ length: 7 }, () => work(bytes)));
    expect(best(large)).toBeLessThan(50 * Math.max(best(small), 0.2));
  });
});

function expectOnlyInvalid(bytes: Uint8Array): void {
  try {
    inspectSegment(bytes);
  } catch (error) {
    expect(error).toMatchObject({ name: 'SluiceError', code: 'TS_INVALID', retryable: false });
  }
}

describe('joints', () => {
  test('segments of two origins follow on without a continuity error', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (before, skipped) => {
        const other = new StreamWriter();
        segment(skipped, 0, other);
        const joined = Buffer.concat([segment(before), withJoint(segment(5, 0, other))]);
        expect(inspectSegment(joined).continuityErrors).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test('without them there are errors', () => {
    expect(inspectSegment(Buffer.concat([segment(3), segment(3)])).continuityErrors).toBeGreaterThan(0);
  });

  test('one packet per PID, without payload, with discontinuity_indicator, PAT first', () => {
    const joined = withJoint(segment(1));
    expect(joined.length - segment(1).length).toBe((2 + TEST_STREAMS.length) * PACKET_BYTES);
    expect([...jointPackets([0x102]).subarray(0, 7)]).toEqual([0x47, 0x01, 0x02, 0x2f, 183, 0x80, 0xff]);
    expect([...joined.subarray(0, 3)]).toEqual([0x47, 0, 0]);
  });
});
