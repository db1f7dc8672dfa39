import { describe, expect, test } from '@jest/globals';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { picture, StreamWriter, TEST_PIDS } from '@sluice/common/mpegts/stream.testing.ts';
import { TRANSPORT_STREAM } from '../container/mpegts.ts';
import type { RungSegment } from './encoder-run.ts';
import { Succession } from './succession.ts';

function segment(writer: StreamWriter, msn: number, epoch = 1, rung = 'high'): RungSegment {
  const frame = writer.frame({ pid: TEST_PIDS.video, pts: msn * 3600, payload: picture('idr', 700) });
  return { epoch, rung, msn, container: TRANSPORT_STREAM, bytes: Buffer.concat([writer.tables(), frame]) };
}

describe('the succession of encoder runs', () => {
  test('a new run leaves out what is handed over already, and its first segment follows on without a lost packet', () => {
    const succession = new Succession();
    const [old, fresh] = [new StreamWriter(), new StreamWriter()];
    const handed = [
      ...[1, 2, 3].map((msn) => succession.next(segment(old, msn), 1)),
      ...[2, 3, 4, 5].map((msn) => succession.next(segment(fresh, msn), 2)),
    ].filter((next) => next !== null);
    expect(handed.map((next) => next.msn)).toEqual([1, 2, 3, 4, 5]);
    expect(inspectSegment(Buffer.concat(handed.map((next) => next.bytes))).continuityErrors).toBe(0);
  });

  test('segments of one run are handed over as they are', () => {
    const succession = new Succession();
    const writer = new StreamWriter();
    const segments = [1, 2, 5].map((msn) => segment(writer, msn));
    expect(segments.map((next) => succession.next(next, 1))).toEqual(segments);
  });

  test('rungs are independent, and a new epoch numbers from anywhere', () => {
    const succession = new Succession();
    const writer = new StreamWriter();
    const lengthOf = (next: RungSegment, run: number): number | undefined => succession.next(next, run)?.bytes.length;
    const plain = segment(writer, 1).bytes.length;
    expect(lengthOf(segment(writer, 9), 1)).toBe(plain);
    expect(lengthOf(segment(writer, 1, 1, 'low'), 2)).toBe(plain);
    expect(lengthOf(segment(writer, 1, 2), 2)).toBeGreaterThan(plain);
    expect(lengthOf(segment(writer, 2, 2), 2)).toBe(plain);
  });
});
