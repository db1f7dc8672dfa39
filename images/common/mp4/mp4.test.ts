import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SluiceError } from '../errors/error.ts';
import { readBoxes } from './box.ts';
import { box, makeFragment, makeInit, words } from './file.testing.ts';
import { inspectFragment } from './fragment.ts';
import { inspectInit } from './init.ts';

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'MP4_INVALID', message: expect.stringMatching(message) });
const INIT = inspectInit(makeInit());
const SEGMENT = makeFragment({ startSeconds: 100_000, durationSeconds: 2 });

/** A sample entry that says what its samples were before they were encrypted (ISO/IEC 14496-12 8.12). */
function encrypted(entry: string, format: string, scheme: Uint8Array): readonly [string, Uint8Array] {
  return [entry, box('sinf', box('frma', Buffer.from(format)), scheme)];
}

describe('an initialization section', () => {
  test('tells codecs, size and clocks of its tracks', () => {
    expect(INIT.video).toMatchObject({ id: 1, codec: 'avc1.64001f', width: 1280, height: 720, timescale: 12_800 });
    expect(INIT.audio).toMatchObject({ id: 2, codec: 'mp4a.40.2', channels: 2, sampleRateHz: 48_000 });
  });

  test.each([
    ['avc3', 'avcC', '014d400cff', 'avc3.4d400c'],
    ['hvc1', 'hvcC', '0101600000009000000000003cf0', 'hvc1.1.6.L60.90'],
    ['hev1', 'hvcC', '01222000000090000000000099f0', 'hev1.2.4.H153.90'],
    ['av01', 'av1C', '81040c00', 'av01.0.04M.08'],
    ['vp09', 'vpcC', '01000000001e82', 'vp09.00.30.08'],
    ['mp4v', 'none', '', 'mp4v'],
  ])('names video of "%s" with %s %s: %s', (entry, configuration, hex, codec) => {
    const init = makeInit({ video: [entry, box(configuration, Buffer.from(hex, 'hex'))], audio: null });
    expect(inspectInit(init)).toMatchObject({ video: { codec }, audio: null });
  });

  test.each([
    ['ac-3', 'dac3', '10114000', 'ac-3'],
    ['Opus', 'dOps', '0002', 'Opus'],
    ['mp4a', 'esds', '000000000319000100041140150000000000000000000000050213900601 02', 'mp4a.40.2'],
    // Lengths of four bytes each, HE-AAC v2, and MP3.
    [
      'mp4a',
      'esds',
      '000000000380808022000200048080801440150000000001f4000001f400058080800 2eb09'.replaceAll(' ', ''),
      'mp4a.40.29',
    ],
    ['mp4a', 'esds', '0000000003130001000 40d6b150000000001f4000001f400060102'.replaceAll(' ', ''), 'mp4a.6b'],
  ])('names audio of "%s" with %s %s: %s', (entry, configuration, hex, codec) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const init = makeInit({ audio: [entry, box(configuration, bytes)], video: null });
    expect(inspectInit(init).audio?.codec).toBe(codec);
  });

  test.each([
    ['encv', 'mp4v', box('schm', words(0), Buffer.from('cbcs'), words(0x1_0000)), 'cbcs'],
    ['encv', 'mp4v', Buffer.alloc(0), 'encv'],
    ['enca', 'Opus', box('schm', words(0), Buffer.from('cenc'), words(0x1_0000)), 'cenc'],
  ])('names what is encrypted as "%s" by what it was, %s, and its scheme', (entry, codec, scheme, encryption) => {
    const kind = entry === 'encv' ? 'video' : 'audio';
    const none = { video: null, audio: null };
    const init = inspectInit(makeInit({ ...none, [kind]: encrypted(entry, codec, scheme) }));
    expect(init).toMatchObject({ ...none, [kind]: { codec, encryption } });
  });

  test.each([
    ['nothing', Buffer.alloc(0), /no "moov"/],
    ['a web page', Buffer.from('<!doctype html><html>'), /says/],
    ['a file that is not fragmented', box('moov', box('mvhd', [0])), /no "mvex"/],
    ['no track', box('moov', box('mvex')), /neither a video nor an audio/],
    ['an encrypted track of unknown codec', makeInit({ video: ['encv', box('sinf')] }), /encrypted/],
    ['a scheme that is cut', makeInit({ video: encrypted('encv', 'avc1', box('schm')) }), /"schm" is too short/],
    ['a configuration that is cut', makeInit({ video: ['avc1', box('avcC', [1])] }), /"avcC" is too short/],
    ['a box longer than what holds it', Buffer.concat([words(64), Buffer.from('moov')]), /says 64 bytes/],
    ['a box shorter than its header', Buffer.concat([words(4), Buffer.from('moov')]), /says 4 bytes/],
  ])('is none: %s', (_what, bytes, message) => {
    expect(() => inspectInit(bytes)).toThrow(invalid(message));
  });
});

describe('a segment', () => {
  test('tells where it begins, how long it is, and whether a keyframe comes first', () => {
    const both = { firstCompositionOffset: 0, startsWithSync: true };
    expect(inspectFragment(SEGMENT, INIT)).toEqual({
      video: { ...both, id: 1, firstDecodeTime: 1_280_000_000, samples: 50, duration: 25_600 },
      audio: { ...both, id: 2, firstDecodeTime: 4_800_000_000, samples: 94, duration: 96_256 },
    });
    const open = makeFragment({ startSeconds: 0, durationSeconds: 2, keyframe: false });
    expect(inspectFragment(open, INIT).video?.startsWithSync).toBe(false);
  });

  test('may consist of several fragments, and lack a track', () => {
    const more = makeFragment({ startSeconds: 100_002, durationSeconds: 1, keyframe: false, tracks: [1] });
    const found = inspectFragment(Buffer.concat([SEGMENT, more]), INIT);
    expect(found.video).toMatchObject({ firstDecodeTime: 1_280_000_000, samples: 75, startsWithSync: true });
    expect(inspectFragment(more, INIT).audio).toBeNull();
  });

  test('lasts until the end of its last fragment, though a picture is missing between two', () => {
    const later = makeFragment({ startSeconds: 100_005, durationSeconds: 1, tracks: [1] });
    const { video, audio } = inspectFragment(Buffer.concat([SEGMENT, later]), INIT);
    expect([video?.samples, video?.duration, audio?.duration]).toEqual([75, 6 * 12_800, 96_256]);
    const earlier = makeFragment({ startSeconds: 99_000, durationSeconds: 1, tracks: [1] });
    expect(inspectFragment(Buffer.concat([SEGMENT, earlier]), INIT).video?.duration).toBe(25_600);
  });

  test('shows in its beginning what the whole shows', () => {
    expect(inspectFragment(SEGMENT.subarray(0, -50), INIT, true)).toEqual(inspectFragment(SEGMENT, INIT));
  });

  test.each([
    ['cut', SEGMENT.subarray(0, -1), /says/],
    [
      'of a track that the map does not have',
      makeFragment({ startSeconds: 0, durationSeconds: 1, tracks: [3] }),
      /track 3/,
    ],
    ['without samples', makeFragment({ startSeconds: 0, durationSeconds: 0 }), /no fragment with samples/],
    ['an initialization section', makeInit(), /no fragment with samples/],
    ['without media data', SEGMENT.subarray(0, SEGMENT.indexOf('mdat') - 4), /no media data/],
    [
      'with more samples than bytes',
      box('moof', box('traf', box('tfhd', words(0, 1)), box('trun', words(0x200, 50_000)))),
      /too short/,
    ],
    [
      'with more boxes than media',
      box('moof', ...Array.from({ length: 17 }, () => box('traf', box('tfhd', words(0, 1)), Buffer.alloc(128 * 1024)))),
      /fragments have \d+ bytes/,
    ],
    [
      'with more samples than any',
      box('moof', box('traf', box('tfhd', words(0, 1)), box('trun', words(0, 2 ** 31)))),
      /2147483648 samples/,
    ],
  ])('is none where it is %s', (_what, bytes, message) => {
    expect(() => inspectFragment(bytes, INIT)).toThrow(invalid(message));
  });
});

test.each([0, 4, 7, 8, 12, 15])(
  'the beginning of a file may end after %d bytes of a box whose size has 64 bits',
  (length) => {
    const large = Buffer.concat([words(1), Buffer.from('mdat'), words(0, 24), Buffer.alloc(8)]);
    const bytes = Buffer.concat([box('free'), large.subarray(0, length)]);
    expect(readBoxes(bytes, true).map(({ type }) => type)).toEqual(['free']);
    if (length > 0)
      expect(() => readBoxes(bytes)).toThrow(invalid(length < 8 ? /bytes are left/ : /ends within its header/));
  },
);

test('whatever bytes come, nothing but MP4_INVALID is thrown', () => {
  const files = [makeInit(), SEGMENT];
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1),
      fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 12 }),
      fc.boolean(),
      (which, changes, partial) => {
        const bytes = Buffer.from(files[which] ?? []);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        for (const read of [() => inspectInit(bytes), () => inspectFragment(bytes, INIT, partial)]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(SluiceError);
          }
        }
      },
    ),
  );
});
