import { describe, expect, test } from '@jest/globals';
import { box, makeFragment, makeInit, words } from './file.testing.ts';
import { inspectInit } from './init.ts';
import { pictureAlone, withPicture } from './picture.ts';
import { readSamples } from './samples.ts';

const RAW = makeInit();
const INIT = inspectInit(RAW);
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'MP4_INVALID', message: expect.stringMatching(message) });

/** A fragment of track 1 whose boxes' fields are these words, and four bytes of media. */
function fragment(fields: { tfhd: readonly number[]; tfdt?: readonly number[]; trun: readonly number[] }): Buffer {
  const { tfhd, tfdt = [0, 900], trun } = fields;
  const boxes = [box('tfhd', words(...tfhd)), box('tfdt', words(...tfdt)), box('trun', words(...trun))];
  const moof = box('moof', box('mfhd', words(0, 5)), box('traf', ...boxes));
  return Buffer.concat([moof, box('mdat', [1, 2, 3, 4])]);
}

/** Where the media begins, counted from the moof, behind a run of one row; each further row takes four bytes. */
const MEDIA = fragment({ tfhd: [0x02_0000, 1], trun: [0x201, 1, 0, 4] }).length - 4;
const HUGE = 0x7fff_ffff;

describe('samples', () => {
  test.each([
    ['from the moof', [0x02_0000, 1], [0x201, 2, MEDIA + 4, 1, 3]],
    ['from the place of the first track fragment', [0, 1], [0x201, 2, MEDIA + 4, 1, 3]],
    ['from a place in the file', [1, 1, 0, MEDIA + 12], [0x201, 2, 0, 1, 3]],
  ])('are found where their offsets count %s', (_where, tfhd, trun) => {
    // A base of 64 bits makes the header eight bytes longer.
    const { sequence, tracks } = readSamples(fragment({ tfhd, trun }), INIT);
    expect(sequence).toBe(5);
    expect(tracks).toMatchObject([{ trackId: 1, decodeTime: 900n }]);
    expect(tracks[0]?.samples.map(({ bytes }) => [...bytes])).toEqual([[1], [2, 3, 4]]);
    // What the fragment does not say stands in the trex of its track.
    expect(tracks[0]?.samples[0]).toMatchObject({ duration: 512, flags: 0x0101_0000, compositionOffset: 0 });
  });

  test('of several fragments are one, and a hole between them is the duration of the sample before', () => {
    const at = (decodeTime: number) =>
      fragment({ tfhd: [0x02_0000, 1], tfdt: [0, decodeTime], trun: [0x201, 1, MEDIA, 4] });
    const { tracks } = readSamples(Buffer.concat([at(900), at(1500)]), INIT);
    expect(tracks[0]?.samples.map(({ duration }) => duration)).toEqual([600, 512]);
    expect(() => readSamples(Buffer.concat([at(900), at(300)]), INIT)).toThrow(invalid(/do not follow/));
  });

  test.each([
    ['a segment without fragments', box('mdat', [1]), /no fragment/],
    ['a fragment without samples', fragment({ tfhd: [0x02_0000, 1], trun: [1, 0, 0] }), /no fragment with samples/],
    ['a track that nobody knows', fragment({ tfhd: [0x02_0000, 3], trun: [0x201, 1, MEDIA, 4] }), /track 3/],
    ['a sample behind the end', fragment({ tfhd: [0x02_0000, 1], trun: [0x201, 1, MEDIA, 5] }), /outside/],
    ['a sample before the beginning', fragment({ tfhd: [0x02_0000, 1], trun: [0x201, 1, -1, 4] }), /outside/],
    ['a base far away', fragment({ tfhd: [1, 1, HUGE, 0], trun: [0x201, 1, 0, 4] }), /outside/],
    ['a run of a million samples', fragment({ tfhd: [0x02_0000, 1], trun: [1, 1_000_000, 0] }), /1000000 samples/],
    [
      'runs of samples without bytes, each as long as a run may be',
      Buffer.concat([0, 1].map(() => fragment({ tfhd: [0x02_0008, 1, 0], trun: [1, 60_000, 0] }))),
      /more than 60000 samples/,
    ],
    [
      'samples that share their bytes',
      fragment({ tfhd: [0x02_0010, 1, 100], trun: [1, 60_000, 0] }),
      /outside|larger than their segment/,
    ],
  ])('are not read of %s', (_what, bytes, message) => {
    expect(() => readSamples(bytes, INIT)).toThrow(invalid(message));
  });
});

describe('an initialization section', () => {
  test("of the pictures alone keeps their track's id and clock", () => {
    const { tracks, video, audio } = inspectInit(pictureAlone(RAW));
    expect(tracks).toHaveLength(1);
    expect([video?.id, video?.timescale, video?.codec, audio]).toEqual([1, 12_800, 'avc1.64001f', null]);
  });

  test("with other pictures keeps everything else of the source's", () => {
    const encoded = makeInit({
      width: 426,
      height: 240,
      video: ['avc1', box('avcC', [1, 0x42, 0xc0, 0x15])],
      audio: null,
    });
    const made = inspectInit(withPicture(RAW, encoded));
    expect(made.video).toMatchObject({
      ...INIT.video,
      width: 426,
      height: 240,
      codec: 'avc1.42c015',
      defaultDuration: 0,
      defaultFlags: 0,
    });
    expect(made.audio).toEqual(INIT.audio);
  });

  test.each([
    ['has no pictures', makeInit({ video: null }), /no video track/],
    ['is encrypted', makeInit({ video: ['encv', Buffer.alloc(0)] }), /encrypted/],
    ['has encrypted audio', makeInit({ audio: ['enca', box('sinf', box('frma', Buffer.from('Opus')))] }), /encrypted/],
    ['is none', makeFragment({ startSeconds: 0, durationSeconds: 1 }), /no "moov"/],
    [
      'has two formats',
      Buffer.from(RAW.toString('latin1').replace('stsd\0\0\0\0\0\0\0\x01', 'stsd\0\0\0\0\0\0\0\x02'), 'latin1'),
      /2 sample entries/,
    ],
  ])('is refused where it %s', (_what, bytes, message) => {
    expect(() => pictureAlone(bytes)).toThrow(invalid(message));
    expect(() => withPicture(bytes, RAW)).toThrow(invalid(message));
  });

  test('is refused where the header of its track is not as long as its version says', () => {
    const later = Buffer.from(RAW.toString('latin1').replace('tkhd\0', 'tkhd\x02'), 'latin1');
    expect(() => withPicture(later, RAW)).toThrow(invalid(/"tkhd" of version 2 has 84 bytes/));
    expect(() => withPicture(RAW, later)).toThrow(invalid(/"tkhd" of version 2 has 84 bytes/));
  });
});
