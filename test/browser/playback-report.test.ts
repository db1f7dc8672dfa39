import { describe, expect, test } from '@jest/globals';
import {
  accountLine,
  accountOf,
  faultsOf,
  keepsUp,
  type PlaybackReport,
  type PlaybackSample,
  type PresentedFrame,
  reportOf,
} from './playback-report.ts';

const FRAME_RATE = 25;
/** How far the decoder is ahead of what is presented. */
const AHEAD = 3;

function frameAt(index: number, changes: Partial<PresentedFrame> = {}): PresentedFrame {
  return {
    mediaTime: 10 + index / FRAME_RATE,
    wallMilliseconds: (index * 1000) / FRAME_RATE,
    aheadSeconds: 6,
    presented: index + 1,
    decoded: index + 1 + AHEAD,
    dropped: 0,
    ...changes,
  };
}

function sampleOf(frames: readonly PresentedFrame[], changes: Partial<PlaybackSample> = {}): PlaybackSample {
  return { frames, problems: [], waits: [], lateTimers: [], buffered: [[0, 20]], currentTime: 0, ...changes };
}

const smooth = Array.from({ length: 50 }, (_, index) => frameAt(index));

describe('the report of a playback', () => {
  test('a smooth playback presents every frame, without jump or freeze', () => {
    expect(reportOf(sampleOf(smooth), FRAME_RATE)).toMatchObject({
      expected: 49,
      presented: 49,
      missing: 0,
      decoded: 49,
      decodedInAll: 53,
      jumps: [],
      stalls: [],
      machineStalls: [],
      bufferedRanges: 1,
    });
  });

  test.each([
    { name: 'back', by: -1 },
    { name: 'forward', by: 1 },
  ])('a jump $name is found', ({ by }) => {
    const frames = smooth.map((frame, index) => ({ ...frame, mediaTime: frame.mediaTime + (index < 25 ? 0 : by) }));
    expect(reportOf(sampleOf(frames), FRAME_RATE).jumps).toHaveLength(1);
  });

  test('a step over frames that the browser has dropped is no jump of the film', () => {
    const frames = smooth.filter((_, index) => index < 20 || index > 25);
    const late = frames.map((frame, index) =>
      index < 20 ? frame : { ...frame, presented: frame.presented - 6, dropped: 6 },
    );
    expect(reportOf(sampleOf(late), FRAME_RATE)).toMatchObject({ missing: 6, dropped: 6, jumps: [] });
  });

  /** The film stands still for a second in its middle. */
  const stood = smooth.map((frame, index) => ({
    ...frame,
    wallMilliseconds: frame.wallMilliseconds + (index < 25 ? 0 : 1000),
  }));
  const thirsty = stood.map((frame) => ({ ...frame, aheadSeconds: 0.2 }));

  test('a film that stands still has stalled', () => {
    const { stalls, machineStalls } = reportOf(sampleOf(stood), FRAME_RATE);
    expect(stalls).toEqual(['stood still 1000 ms at 10.96 s with 6.0 s of film in the buffer']);
    expect(machineStalls).toEqual([]);
  });

  test('a picture that stands while the clock of the film runs is no stall: its frames were dropped', () => {
    const late = smooth
      .filter((_, index) => index < 20 || index > 35)
      .map((frame, index) => (index < 20 ? frame : { ...frame, presented: frame.presented - 16, dropped: 16 }));
    expect(reportOf(sampleOf(late), FRAME_RATE)).toMatchObject({ missing: 16, dropped: 16, stalls: [], jumps: [] });
  });

  test('a wait is a stall', () => {
    const waits = [{ wallMilliseconds: 500, aheadSeconds: 0 }];
    expect(reportOf(sampleOf(smooth, { waits }), FRAME_RATE).stalls).toEqual([
      'waited with 0.0 s of film in the buffer',
    ]);
  });

  test('a wait of a player that was told to empty its buffer is no stall, one before or after it is', () => {
    const waits = [100, 300, 500].map((wallMilliseconds) => ({ wallMilliseconds, aheadSeconds: 0 }));
    expect(reportOf(sampleOf(smooth, { waits }), FRAME_RATE, [[200, 400]]).stalls).toHaveLength(2);
  });

  test.each<{ name: string; frames: readonly PresentedFrame[]; late: [number, number]; stalls: number }>([
    { name: 'with film enough is one of the machine', frames: stood, late: [1500, 1900], stalls: 0 },
    { name: 'long before it does not excuse it', frames: stood, late: [-3000, -2500], stalls: 1 },
    { name: 'does not excuse a player that ran out of film', frames: thirsty, late: [1500, 1900], stalls: 1 },
  ])('a stall while the page was late $name', ({ frames, late, stalls }) => {
    const report = reportOf(sampleOf(frames, { lateTimers: [late] }), FRAME_RATE);
    expect([report.stalls.length, report.machineStalls.length]).toEqual([stalls, 1 - stalls]);
  });

  test('a stall while frames came too late is one of the machine', () => {
    const late = stood.map((frame, index) => ({ ...frame, dropped: index < 30 ? 0 : 3 }));
    expect(reportOf(sampleOf(late), FRAME_RATE).machineStalls).toHaveLength(1);
  });

  test('frames of which a busy page did not hear are neither missing nor a jump nor a stall', () => {
    const frames = smooth.filter((_, index) => index < 10 || index > 30);
    expect(reportOf(sampleOf(frames), FRAME_RATE)).toMatchObject({ missing: 0, called: 28, jumps: [], stalls: [] });
  });

  test('frames that the browser dropped are missing and dropped, those that nobody decoded only missing', () => {
    const late = smooth.map((frame, index) =>
      index < 25 ? frame : { ...frame, presented: frame.presented - 2, dropped: 2 },
    );
    expect(reportOf(sampleOf(late), FRAME_RATE)).toMatchObject({ missing: 2, dropped: 2, decoded: 49 });
    const hole = smooth.map((frame, index) =>
      index < 25 ? frame : { ...frame, presented: frame.presented - 2, decoded: frame.decoded - 2 },
    );
    expect(reportOf(sampleOf(hole), FRAME_RATE)).toMatchObject({ missing: 2, dropped: 0, decoded: 47 });
  });

  test('a part of it is counted alike, and printed with its share', () => {
    const account = accountOf(frameAt(10), frameAt(35, { presented: 35, dropped: 1 }), 20, FRAME_RATE);
    expect(account).toMatchObject({ playedSeconds: 1, expected: 25, presented: 24, missing: 1, dropped: 1 });
    expect(accountLine('Proxy', account)).toContain('presented 24 (96.00 %)');
  });

  test('nothing presented is an error, not a smooth playback', () => {
    expect(() => reportOf(sampleOf([]), FRAME_RATE)).toThrow('no frame');
  });
});

describe('the judgement of a playback beside its reference', () => {
  const perfect = reportOf(sampleOf(smooth), FRAME_RATE);
  const slow: PlaybackReport = { ...perfect, decoded: 20, presented: 15, missing: 34, stalls: ['waited'] };

  test('a playback that shows every frame has no fault', () => {
    expect(faultsOf(perfect, perfect)).toEqual([]);
  });

  test.each<{ name: string; change: Partial<PlaybackReport>; says: string }>([
    { name: 'a frame that nobody decoded', change: { missing: 1, presented: 48 }, says: 'dropped only 0' },
    { name: 'frames that were not decoded', change: { decoded: 30 }, says: '30 of 49 frames were decoded' },
    { name: 'more lost frames than in the reference', change: { missing: 5, dropped: 5 }, says: '5 of 49' },
    { name: 'a hole', change: { bufferedRanges: 2, holes: [0.3] }, says: 'hole of 0.300 s' },
    { name: 'an empty buffer', change: { bufferedRanges: 0 }, says: 'empty' },
    { name: 'a jump', change: { jumps: ['0.5 s at 11 s'] }, says: 'jump: 0.5 s' },
    { name: 'a stall', change: { stalls: ['waited'] }, says: 'stall: waited' },
    { name: 'an error', change: { problems: ['page: no'] }, says: 'page: no' },
  ])('$name is one', ({ change, says }) => {
    expect(faultsOf({ ...perfect, ...change }, perfect).join()).toContain(says);
  });

  test('holes between the ranges of the buffer are measured', () => {
    const buffered: PlaybackSample['buffered'] = [
      [0, 4],
      [4.25, 8],
      [9, 20],
    ];
    expect(reportOf(sampleOf(smooth, { buffered }), FRAME_RATE).holes).toEqual([0.25, 1]);
  });

  test.each([
    { name: 'no longer than those that the player has at the source', holes: [0.06], faults: 0 },
    { name: 'longer than those', holes: [0.06, 0.12], faults: 1 },
  ])('of a player that has holes at the source, ones $name make $faults faults', ({ holes, faults }) => {
    const source = { ...perfect, bufferedRanges: 2, holes: [0.058] };
    expect(faultsOf({ ...perfect, bufferedRanges: 2, holes }, source)).toHaveLength(faults);
  });

  test('frames that came too late for a page that the machine was late for are no fault', () => {
    const late = { ...perfect, missing: 5, dropped: 5, machineStalls: ['stood still 500 ms'] };
    expect(faultsOf(late, perfect)).toEqual([]);
    expect(faultsOf({ ...late, dropped: 4 }, perfect)).toHaveLength(1);
  });

  test('a machine that loses two frames of a hundred of the plain film is no judge of frames', () => {
    expect(keepsUp({ ...perfect, missing: 1 })).toBe(false);
  });

  test('on a machine that cannot play the film without a switch only errors and holes are faults', () => {
    expect(keepsUp(perfect)).toBe(true);
    expect(keepsUp(slow)).toBe(false);
    expect(faultsOf({ ...slow, missing: 45, stalls: ['waited'] }, slow)).toEqual([]);
    expect(faultsOf({ ...slow, holes: [0.3], problems: ['page: no'] }, slow)).toHaveLength(2);
  });
});
