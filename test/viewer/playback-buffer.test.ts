import { describe, expect, test } from '@jest/globals';
import { PlaybackBuffer } from './playback-buffer.ts';

describe('the buffer of a virtual viewer', () => {
  test.each([
    { name: 'segments that come before they are needed', arrivals: [0, 100, 200, 2000, 4000], stalls: [0, 0, 0, 0, 0] },
    { name: 'a segment that comes in the last moment', arrivals: [0, 2000], stalls: [0, 0] },
    { name: 'a late segment, behind which all is well again', arrivals: [0, 2500, 4500], stalls: [0, 500, 0] },
    { name: 'a buffer that shrinks until it is empty', arrivals: [0, 0, 3000, 6000, 9001], stalls: [0, 0, 0, 0, 1001] },
  ])('$name', ({ arrivals, stalls }) => {
    const buffer = new PlaybackBuffer();
    expect(arrivals.map((at) => buffer.add(at, 2))).toEqual(stalls);
  });
});
