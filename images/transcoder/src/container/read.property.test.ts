import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { corpusOf, spoiled } from '@sluice/common/corpus/mutations.testing.ts';
import fc from 'fast-check';
import { SegmentReader } from './read.ts';

const corpus = corpusOf(join(import.meta.dirname, '../../../common/corpus/mp4'));
const init = corpus.get('init.mp4') ?? Buffer.alloc(0);
const media = corpus.get('fragments.m4s') ?? Buffer.alloc(0);

/** What a fragment takes that is written anew, at most, for each sample and by itself: five fields, and its boxes. */
const BYTES_PER_SAMPLE = 20;
const BYTES_OF_BOXES = 1_000;

/** The bytes that FFmpeg would be fed. */
function fed(section: Uint8Array, segment: Uint8Array): Uint8Array {
  const reader = new SegmentReader();
  reader.learn('one', section);
  const { container, plan } = reader.read(1, 7, segment, 'one');
  return container.begin(plan).input(plan);
}

test('what FFmpeg has made is fed whole', () => {
  expect(fed(init, media).length).toBeGreaterThan(media.length / 2);
});

test('of spoiled sources FFmpeg is fed no more than they had, or they are refused with an error that says why', () => {
  const sources = fc.oneof(
    fc.tuple(spoiled(new Map([['init', init]]), 8), fc.constant(media)),
    fc.tuple(fc.constant(init), spoiled(new Map([['media', media]]), 8)),
  );
  fc.assert(
    fc.property(sources, ([section, segment]) => {
      try {
        const bytes = fed(section, segment).length;
        expect(bytes).toBeLessThan(section.length + segment.length * (1 + BYTES_PER_SAMPLE) + BYTES_OF_BOXES);
      } catch (error) {
        if (error instanceof Error && error.name !== 'SluiceError') throw error;
        expect(error).toMatchObject({
          retryable: false,
          code: expect.stringMatching(/^(MP4_INVALID|SOURCE_UNSUITABLE)$/),
        });
      }
    }),
    { numRuns: 100 },
  );
});
