import { describe, expect, test } from '@jest/globals';
import { box, makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples } from '@sluice/common/mp4/samples.ts';
import { readInit } from '@sluice/common/mp4/section.ts';
import { writeFragment } from '@sluice/common/mp4/write-fragment.ts';
import { TEST_SECTION, type TestSegment, testPlan, tracksOf } from '../fragment/source.testing.ts';
import type { SourceSegment } from './container.ts';
import { passageFrom, readFragmentedMp4 } from './fmp4.ts';
import { SegmentReader } from './read.ts';

const SEGMENT: TestSegment = { decodeTime: 2n ** 60n, audioTime: 0n, pictures: 5, audioFrames: 3, delay: 1024 };
const TICKS = 5 * 512;

function bytesOf(segment: TestSegment = SEGMENT): Buffer {
  return Buffer.concat(writeFragment({ sequence: 1, tracks: tracksOf(segment) }));
}

function read(segment: TestSegment, section = TEST_SECTION): SourceSegment {
  return readFragmentedMp4(1, 7, bytesOf(segment), section);
}

function after(ticks: number, section = TEST_SECTION): SourceSegment {
  return read({ ...SEGMENT, decodeTime: SEGMENT.decodeTime + BigInt(ticks) }, section);
}

/** Says of the last track of a section that it has two formats. */
function withTwoFormats(init: Buffer): Buffer {
  const at = init.lastIndexOf('stsd') + 8;
  return Buffer.concat([init.subarray(0, at), Buffer.from([0, 0, 0, 2]), init.subarray(at + 4)]);
}

describe('a source segment of fragmented MP4', () => {
  test('is fed as pictures alone, from time 0 on, with its header once in a run', () => {
    const [first, second] = [read(SEGMENT), after(TICKS)];
    const { container } = first;
    const passage = container.begin(first.plan);
    const { init, media } = readInit(passage.input(first.plan));
    const header = inspectInit(init);
    expect(header.tracks).toHaveLength(1);
    expect(readSamples(media, header).tracks).toMatchObject([{ trackId: 1, decodeTime: 0n }]);
    const next = passage.input(second.plan);
    expect(readSamples(next, header).tracks).toMatchObject([{ trackId: 1, decodeTime: BigInt(TICKS) }]);
    expect(container.options(first.plan)).toMatchObject({ timeBase: '1:12800', copied: [] });
  });

  test('comes out of FFmpeg picture by picture, and without an index that would grow with every one of them', () => {
    const { container, plan } = read(SEGMENT);
    const { output } = container.options(plan);
    const flags = (output[output.indexOf('-movflags') + 1] ?? '').split('+');
    expect(flags).toEqual(expect.arrayContaining(['frag_every_frame', 'skip_trailer']));
  });

  test('fills a run of the encoder when FFmpeg was fed as many pictures as it should remember', () => {
    const plan = testPlan(7, SEGMENT);
    const passage = passageFrom(plan, 2 * SEGMENT.pictures);
    passage.input(plan);
    expect(passage.isFull()).toBe(false);
    passage.input(plan);
    expect(passage.isFull()).toBe(true);
  });

  test('never has a time below 0, though its first picture is shown before it is decoded', () => {
    const first = read({ ...SEGMENT, delay: -1024 });
    const { media, init } = readInit(first.container.begin(first.plan).input(first.plan));
    expect(readSamples(media, inspectInit(init)).tracks).toMatchObject([{ decodeTime: 1024n }]);
  });

  test.each<[string, SourceSegment, boolean]>([
    ['the next one', after(TICKS), true],
    ['one behind a hole of ten seconds', after(TICKS + 128_000), true],
    ['one behind a hole of an hour', after(TICKS + 3600 * 12_800), false],
    ['the same again', after(0), false],
    ['one that begins within it', after(TICKS - 512), false],
    ['one from before', after(-TICKS), false],
    ['one with another section', after(TICKS, { ...TEST_SECTION, name: 'two' }), false],
  ])('goes on in one run with %s', (_what, next, follows) => {
    const { container, plan } = read(SEGMENT);
    expect(container.follows(plan, next.plan)).toBe(follows);
  });

  test.each([
    [
      'no pictures',
      makeFragment({ startSeconds: 0, durationSeconds: 1, tracks: [2] }),
      'SOURCE_UNSUITABLE',
      /no video/,
    ],
    [
      'no keyframe first',
      makeFragment({ startSeconds: 0, durationSeconds: 1, keyframe: false }),
      'SOURCE_UNSUITABLE',
      /keyframe/,
    ],
    ['nothing', Buffer.alloc(0), 'MP4_INVALID', /no fragment/],
    ['a web page', Buffer.from('<!doctype html><html>'), 'MP4_INVALID', /says/],
    ['half a segment', bytesOf().subarray(0, -4), 'MP4_INVALID', /says/],
    ['a segment of MPEG-TS', Buffer.alloc(188, 0x47), 'MP4_INVALID', /says/],
  ])('is refused where it is %s', (_what, bytes, code, message) => {
    const reader = new SegmentReader();
    reader.learn('one', makeInit());
    const refusal = expect.objectContaining({ code, retryable: false, message: expect.stringMatching(message) });
    expect(() => reader.read(1, 7, bytes, 'one')).toThrow(refusal);
  });

  test('of pictures that are shown before their keyframe is refused', () => {
    const [picture] = tracksOf(SEGMENT);
    if (picture === undefined) throw new Error('no pictures');
    const samples = picture.samples.map((one, index) => (index === 2 ? { ...one, compositionOffset: -1024 } : one));
    const bytes = Buffer.concat(writeFragment({ sequence: 1, tracks: [{ ...picture, samples }] }));
    expect(() => readFragmentedMp4(1, 7, bytes, TEST_SECTION)).toThrow('shown before its keyframe');
  });
});

describe('the reader of source segments', () => {
  test('asks for a section once, and again for another name', () => {
    const reader = new SegmentReader();
    expect(reader.needs('one')).toBe(true);
    reader.learn('one', makeInit());
    expect([reader.needs('one'), reader.needs('two')]).toEqual([false, true]);
    expect(reader.read(1, 7, bytesOf(), 'one')).toMatchObject({ epoch: 1, msn: 7, height: 720 });
  });

  test.each([
    ['HEVC', makeInit({ video: ['hvc1', box('hvcC', Buffer.from('0101600000009000000000003cf0', 'hex'))] }), /hvc1/],
    ['audio alone', makeInit({ video: null }), /no video track/],
    ['audio of two formats', withTwoFormats(makeInit()), /2 sample entries/],
    ['encrypted', makeInit({ video: ['encv', Buffer.alloc(0)] }), /encrypted/],
    ['no section', Buffer.from('<html>'), /./],
  ])('refuses a section of %s, with an error that says why', (_what, bytes, message) => {
    const reader = new SegmentReader();
    const refusal = expect.objectContaining({
      code: expect.stringMatching(/^(SOURCE_UNSUITABLE|MP4_INVALID)$/),
      retryable: false,
      message: expect.stringMatching(message),
    });
    expect(() => reader.learn('one', bytes)).toThrow(refusal);
    expect(reader.needs('one')).toBe(true);
  });
});
