import { describe, expect, test } from '@jest/globals';
import { box, makeFragment, makeInit } from './file.testing.ts';
import { readInit } from './section.ts';

const INIT = makeInit();
const MEDIA = makeFragment({ startSeconds: 4, durationSeconds: 1 });

describe('a section with its segment behind it', () => {
  test('is parted without a copy', () => {
    const whole = Buffer.concat([INIT, MEDIA]);
    const { init, media } = readInit(whole);
    expect([INIT.equals(init), MEDIA.equals(media)]).toEqual([true, true]);
    expect(init.buffer).toBe(whole.buffer);
  });

  test.each([
    ['a segment alone', MEDIA, /no initialization section/],
    ['a section alone', INIT, /no segment behind/],
    ['both the other way round', Buffer.concat([MEDIA, INIT]), /"moof" stands before/],
    ['a web page', Buffer.from('<!doctype html><html>'), /says/],
    ['nothing', Buffer.alloc(0), /no initialization section/],
    ['a box that is cut', Buffer.concat([INIT, MEDIA]).subarray(0, -1), /says/],
    ['boxes without end', Buffer.concat(Array.from({ length: 10_001 }, () => box('free'))), /more than 10000 boxes/],
  ])('is none: %s', (_what, bytes, message) => {
    const invalid = expect.objectContaining({ code: 'MP4_INVALID', message: expect.stringMatching(message) });
    expect(() => readInit(bytes)).toThrow(invalid);
  });
});
