import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { corpusOf, spoiled } from '../corpus/mutations.testing.ts';
import { makeInit } from './file.testing.ts';
import { inspectFragment } from './fragment.ts';
import { inspectInit } from './init.ts';
import { pictureAlone, withPicture } from './picture.ts';
import { readSamples, type Sample, type SegmentSamples, type TrackSamples } from './samples.ts';
import { writeFragment } from './write-fragment.ts';

const INIT = inspectInit(makeInit());

/** Columns that are often all the same, as in real files, and sometimes not: signs, defaults, flags of the first alone. */
function samples(): fc.Arbitrary<readonly Sample[]> {
  const often = (constant: number, any: fc.Arbitrary<number>) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(constant) }, any);
  const flags = fc.constantFrom(0x0200_0000, 0x0101_0000, 0);
  return fc.array(
    fc.record({
      bytes: fc.uint8Array({ maxLength: 9 }),
      duration: often(512, fc.nat(0xffff_ffff)),
      flags: often(0x0101_0000, flags),
      compositionOffset: often(1024, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
    }),
    { minLength: 1, maxLength: 12 },
  );
}

const track = (trackId: number): fc.Arbitrary<TrackSamples> =>
  fc.record({ trackId: fc.constant(trackId), decodeTime: fc.bigInt(0n, 2n ** 63n), samples: samples() });
const segments: fc.Arbitrary<SegmentSamples> = fc.record({
  sequence: fc.nat(0xffff_ffff),
  tracks: fc.oneof(fc.tuple(track(1)), fc.tuple(track(2)), fc.tuple(track(1), track(2)), fc.tuple(track(2), track(1))),
});

const durationOf = (all: readonly Sample[]): bigint => all.reduce((sum, { duration }) => sum + BigInt(duration), 0n);

/** Samples with their bytes as values to compare. */
function plain({ sequence, tracks }: SegmentSamples): unknown {
  return {
    sequence,
    tracks: tracks.map((one) => ({
      ...one,
      samples: one.samples.map((sample) => ({ ...sample, bytes: Buffer.from(sample.bytes).toString('hex') })),
    })),
  };
}

describe('samples of a segment', () => {
  test('are after writing and reading what they were', () => {
    fc.assert(
      fc.property(segments, (segment) => {
        const written = Buffer.concat(writeFragment(segment));
        expect(plain(readSamples(written, INIT))).toEqual(plain(segment));
        const { video, audio } = inspectFragment(written, INIT);
        const counts = [video?.samples ?? 0, audio?.samples ?? 0];
        expect(counts).toEqual(
          [1, 2].map((id) => segment.tracks.find((one) => one.trackId === id)?.samples.length ?? 0),
        );
      }),
      { numRuns: 200 },
    );
  });

  test('cut anywhere into fragments and joined again are what they were', () => {
    fc.assert(
      fc.property(track(1), fc.array(fc.nat(12), { maxLength: 4 }), (whole, cuts) => {
        const ends = [...cuts.filter((cut) => cut < whole.samples.length), whole.samples.length].sort((a, b) => a - b);
        let start = 0;
        const parts = ends.flatMap((end) => {
          const decodeTime = whole.decodeTime + durationOf(whole.samples.slice(0, start));
          const part = { ...whole, decodeTime, samples: whole.samples.slice(start, end) };
          start = end;
          return part.samples.length === 0 ? [] : writeFragment({ sequence: 7, tracks: [part] });
        });
        expect(plain(readSamples(Buffer.concat(parts), INIT))).toEqual(plain({ sequence: 7, tracks: [whole] }));
      }),
      { numRuns: 100 },
    );
  });
});

const corpus = corpusOf(join(import.meta.dirname, '../corpus/mp4'));
const real = corpus.get('init.mp4') ?? Buffer.alloc(0);
const realInit = inspectInit(real);

test("FFmpeg's fragments hold the same after reading and writing", () => {
  const fragments = corpus.get('fragments.m4s') ?? Buffer.alloc(0);
  const read = readSamples(fragments, realInit);
  const again = Buffer.concat(writeFragment(read));
  expect(plain(readSamples(again, realInit))).toEqual(plain(read));
  expect(inspectFragment(again, realInit)).toEqual(inspectFragment(fragments, realInit));
});

test('spoiled files are read within their own bytes, or refused with MP4_INVALID', () => {
  fc.assert(
    fc.property(spoiled(corpus, 8), (bytes) => {
      const reads: readonly (() => void)[] = [
        () => {
          const { tracks } = readSamples(bytes, realInit);
          const taken = tracks.flatMap((one) => one.samples).reduce((sum, sample) => sum + sample.bytes.length, 0);
          expect(taken).toBeLessThanOrEqual(bytes.length);
        },
        () => expect(inspectInit(pictureAlone(bytes)).tracks).toHaveLength(1),
        () => expect(inspectInit(withPicture(real, bytes)).tracks).toHaveLength(realInit.tracks.length),
        () => expect(withPicture(bytes, real).length).toBeLessThan(bytes.length + real.length),
      ];
      for (const read of reads) {
        try {
          read();
        } catch (error) {
          if (error instanceof Error && error.name !== 'SluiceError') throw error;
          expect(error).toMatchObject({ code: 'MP4_INVALID', retryable: false });
        }
      }
    }),
    { numRuns: 100 },
  );
});
