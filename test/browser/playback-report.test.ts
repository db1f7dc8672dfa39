import { describe, expect, test } from '@jest/globals';
import { type PlaybackSample, reportOf } from './playback-report.ts';

const FRAME_SECONDS = 0.04;

function sampleOf(
  frames: readonly (readonly [number, number])[],
  overrides: Partial<PlaybackSample> = {},
): PlaybackSample {
  return {
    frames,
    problems: [],
    waiting: 0,
    buffered: [[0, 20]],
    currentTime: 0,
    paused: false,
    width: 1280,
    height: 720,
    decodedFrames: frames.length,
    droppedFrames: 0,
    ...overrides,
  };
}

const smooth = Array.from({ length: 50 }, (_, index) => [10 + index * FRAME_SECONDS, index * 40] as const);

describe('the report of a playback', () => {
  test('a smooth playback shows every frame, without jump or freeze', () => {
    const report = reportOf(sampleOf(smooth), 25);
    expect(report).toMatchObject({
      presentedFrames: 50,
      expectedFrames: 50,
      jumps: [],
      freezes: [],
      bufferedRanges: 1,
    });
  });

  test.each([
    { name: 'back', by: -1 },
    { name: 'forward', by: 1 },
  ])('a jump $name is found', ({ by }) => {
    const frames = smooth.map(([time, wall], index) => [index < 25 ? time : time + by, wall] as const);
    expect(reportOf(sampleOf(frames), 25).jumps).toHaveLength(1);
  });

  test('a picture that stands still is a freeze', () => {
    const frames = smooth.map(([time, wall], index) => [time, index < 25 ? wall : wall + 1000] as const);
    expect(reportOf(sampleOf(frames), 25).freezes).toEqual(['1040 ms at 11.00 s']);
  });

  test('lost frames show as fewer presented than expected', () => {
    const report = reportOf(sampleOf(smooth.filter((_, index) => index % 5 !== 3)), 25);
    expect(report.expectedFrames - report.presentedFrames).toBe(10);
  });
});
