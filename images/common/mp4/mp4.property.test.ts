import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { corpusOf, spoiled } from '../corpus/mutations.testing.ts';
import { inspectFragment } from './fragment.ts';
import { inspectInit } from './init.ts';

const corpus = corpusOf(join(import.meta.dirname, '../corpus/mp4'));
const init = inspectInit(corpus.get('init.mp4') ?? Buffer.alloc(0));

/** Boxes are nested anywhere; their heads have eight bytes. */
const HEAD_BYTES = 8;

test('the corpus is what FFmpeg has made', () => {
  expect([init.video?.codec.slice(0, 5), init.audio?.codec]).toEqual(['avc1.', 'mp4a.40.2']);
  const secret = inspectInit(corpus.get('cbcs-init.mp4') ?? Buffer.alloc(0));
  expect([secret.video, secret.audio]).toMatchObject([
    { codec: init.video?.codec, encryption: 'cbcs' },
    { codec: 'mp4a.40.2', encryption: 'cbcs' },
  ]);
  expect(inspectInit(corpus.get('hevc-init.mp4') ?? Buffer.alloc(0)).video?.codec).toMatch(/^hvc1\.\d+\./);
  const { video, audio } = inspectFragment(corpus.get('fragments.m4s') ?? Buffer.alloc(0), init);
  expect(video).toMatchObject({ samples: 10, startsWithSync: true });
  expect(audio?.samples).toBeGreaterThan(5);
});

test('of spoiled files nothing but MP4_INVALID is thrown, and what is said of them is possible', () => {
  fc.assert(
    fc.property(spoiled(corpus, HEAD_BYTES), fc.boolean(), (bytes, partial) => {
      for (const read of [
        () => inspectInit(bytes).tracks,
        () => Object.values(inspectFragment(bytes, init, partial)),
      ]) {
        try {
          for (const track of read()) {
            // Texts go on to logs, conditions and playlists.
            if (track !== null && 'codec' in track) expect(track.codec).toMatch(/^[\w.\- ?]{0,64}$/);
            if (track !== null && 'encryption' in track) expect(track.encryption ?? 'none').toMatch(/^[\w\- ?]{4}$/);
            if (track !== null && 'samples' in track) expect(track.duration).toBeGreaterThanOrEqual(0);
          }
        } catch (error) {
          expect(error).toMatchObject({ name: 'SluiceError', code: 'MP4_INVALID', retryable: false });
        }
      }
    }),
    { numRuns: 100 },
  );
});
