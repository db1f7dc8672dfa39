import { describe, expect, test } from '@jest/globals';
import { box, makeFragment, makeInit, type TestFragment, type TestInit } from '@sluice/common/mp4/file.testing.ts';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import { spansOf } from '../source/fragment-spans.ts';
import { checkFragment, splitUpload } from './fragment-upload.ts';

const SEGMENT = { startSeconds: 118, durationSeconds: 2 };
const RUNG = { width: 640, height: 360 };

/** What an agent would send. */
function upload(init: TestInit = RUNG, segment: TestFragment = SEGMENT): Buffer {
  return Buffer.concat([makeInit(init), makeFragment(segment)]);
}

/** Checks an upload against a source of 720 lines whose ladder says 360. */
function check(bytes: Uint8Array, source: TestInit = {}): void {
  const hasAudio = source.audio !== null;
  const init = inspectInit(makeInit(source));
  const spans = spansOf(makeFragment({ ...SEGMENT, tracks: hasAudio ? [1, 2] : [1] }), init);
  checkFragment(splitUpload(bytes), { spans, height: 360 });
}

describe("a rung's fragmented MP4", () => {
  test('is taken where it is the same seconds of film as its source segment', () => {
    expect(() => check(upload())).not.toThrow();
    expect(() => check(upload(RUNG, { ...SEGMENT, startSeconds: 118.02 }))).not.toThrow();
  });

  test('is pictures alone where the source has its audio apart', () => {
    const pictures = upload({ ...RUNG, audio: null }, { ...SEGMENT, tracks: [1] });
    expect(() => check(pictures, { audio: null })).not.toThrow();
    expect(() => check(upload(), { audio: null })).toThrow(/has mp4a.40.2 audio, and the source none/);
  });

  test('comes in two parts', () => {
    const { section, segment } = splitUpload(upload());
    expect([makeInit(RUNG).equals(section), makeFragment(SEGMENT).equals(segment)]).toEqual([true, true]);
  });

  test.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ['no MP4', Buffer.from('<!doctype html><html>'), /segment cannot be used/],
    ['nothing', Buffer.alloc(0), /no initialization section/],
    ['no section', makeFragment(SEGMENT), /no initialization section/],
    ['no segment', makeInit(RUNG), /no segment behind/],
    ['cut short', upload().subarray(0, -1), /segment cannot be used/],
    ['too large a section', Buffer.concat([box('free', Buffer.alloc(2 ** 20)), upload()]), /section has \d+ bytes/],
    ['a section that is none', Buffer.concat([box('moov'), makeFragment(SEGMENT)]), /section cannot be used/],
    ['an encrypted track', upload({ ...RUNG, video: ['encv', box('sinf')] }), /section cannot be used: .*encrypted/],
    ['another codec', upload({ ...RUNG, video: ['vp08', box('vpcC')] }), /has vp08 video, not H.264/],
    ['another size', upload({ width: 854, height: 480 }), /has 480 lines where its ladder says 360/],
    ['no audio', upload({ ...RUNG, audio: null }, { ...SEGMENT, tracks: [1] }), /no audio, and the source mp4a/],
    ['audio without samples', upload(RUNG, { ...SEGMENT, tracks: [1] }), /has no audio/],
    ['no pictures', upload(RUNG, { ...SEGMENT, tracks: [2] }), /has no video/],
    ['no keyframe first', upload(RUNG, { ...SEGMENT, keyframe: false }), /begin with a keyframe/],
    ['another start', upload(RUNG, { ...SEGMENT, startSeconds: 118.2 }), /video begins 200.0 ms off/],
    ['an earlier start', upload(RUNG, { ...SEGMENT, startSeconds: 116 }), /video begins -2000.0 ms off/],
    ['another duration', upload(RUNG, { ...SEGMENT, durationSeconds: 1.8 }), /video lasts -200.0 ms off/],
  ])('is refused: %s', (_what, bytes, message) => {
    const refused = { code: 'SEGMENT_BROKEN', status: 422, message: expect.stringMatching(message) };
    expect(() => check(bytes)).toThrow(expect.objectContaining(refused));
  });
});
