import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { corpusOf, spoiled } from '../corpus/mutations.testing.ts';
import { inspectSegment } from './inspect.ts';
import { withJoint } from './joint.ts';
import { PACKET_BYTES } from './packet.ts';

const corpus = corpusOf(join(import.meta.dirname, '../corpus/mpegts'));

/** What `read` gives; null where it refuses the bytes in the way that it may. */
function readOrRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    expect(error).toMatchObject({ name: 'SluiceError', code: 'TS_INVALID', retryable: false });
    return null;
  }
}

test.each([
  ['avc-aac.mpegts', 'avc1.', 'mp4a.40.2'],
  ['avc-alone.mpegts', 'avc1.', undefined],
  ['aac-alone.mpegts', undefined, 'mp4a.40.2'],
  ['hevc-ac3.mpegts', '', ''],
])('%s is what FFmpeg has made', (name, video, audio) => {
  const seen = inspectSegment(corpus.get(name) ?? Buffer.alloc(0));
  expect(seen.video?.codec.slice(0, 5)).toBe(video);
  expect(seen.audio?.codec).toBe(audio);
  expect(seen.continuityErrors).toBe(0);
});

test('of a spoiled segment nothing but TS_INVALID is thrown, and what is said of it is possible', () => {
  fc.assert(
    fc.property(spoiled(corpus, PACKET_BYTES), (bytes) => {
      const joined = readOrRefused(() => withJoint(bytes));
      if (joined !== null) expect(joined.subarray(joined.length - bytes.length)).toEqual(new Uint8Array(bytes));
      const seen = readOrRefused(() => inspectSegment(bytes));
      if (seen === null) return;
      const { video, audio, packets } = seen;
      expect(packets).toBe(bytes.length / PACKET_BYTES);
      for (const { firstPts } of [video, audio].filter((track) => track !== null)) {
        expect(firstPts >= 0 && firstPts < 2 ** 33).toBe(true);
      }
      if (video === null) return;
      expect([video.width, video.height].every((side) => side >= 0 && side <= 16_880)).toBe(true);
      expect(Number.isSafeInteger(video.frameRateMilli) && video.frameRateMilli >= 0).toBe(true);
    }),
    { numRuns: 60 },
  );
});
