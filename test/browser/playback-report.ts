/**
 * One presented frame as the page's main thread heard of it (requestVideoFrameCallback), with the browser's counters at
 * that moment. On a busy machine the main thread misses callbacks; the counters go on.
 */
export interface PresentedFrame {
  /** Its time in the film, in seconds. */
  readonly mediaTime: number;
  /** When it was presented, in milliseconds of the wall. */
  readonly wallMilliseconds: number;
  /** Seconds of film that lay in the buffer after this frame. */
  readonly aheadSeconds: number;
  /** Frames handed to the compositor since the start (`presentedFrames`). */
  readonly presented: number;
  /** Frames decoded since the start (`totalVideoFrames`), some of which are still to come. */
  readonly decoded: number;
  /** Decoded frames that came too late to be presented (`droppedVideoFrames`). */
  readonly dropped: number;
}

/** A `waiting` event after the first picture. */
export interface Wait {
  readonly wallMilliseconds: number;
  readonly aheadSeconds: number;
}

/** What the probe in the page answers; times of the film in seconds, those of the wall in milliseconds. */
export interface PlaybackSample {
  readonly frames: readonly PresentedFrame[];
  readonly problems: readonly string[];
  readonly waits: readonly Wait[];
  /** When a timer of the page was due long before it came: the machine had no time for the page. */
  readonly lateTimers: readonly (readonly [from: number, to: number])[];
  readonly buffered: readonly (readonly [start: number, end: number])[];
  readonly currentTime: number;
}

/** Frames of the film between two presented ones, and what became of them. */
export interface FrameAccount {
  readonly playedSeconds: number;
  /** Frames that the film has in that time. */
  readonly expected: number;
  /** Differs from `expected` by how far the decoder was ahead at both ends, a few frames. */
  readonly decoded: number;
  readonly presented: number;
  /** Frames of the film that were not presented. */
  readonly missing: number;
  /** Of those the browser says that it had decoded them, but too late for the screen. */
  readonly dropped: number;
  /** Frames of which the page's main thread heard. */
  readonly called: number;
}

/** How a playback went. */
export interface PlaybackReport extends FrameAccount {
  /** Frames decoded since the start: at least those of the film up to the last presented one. */
  readonly decodedInAll: number;
  /** Steps in the film's time backwards, or forwards by {@link JUMP_SECONDS} more than the frames presented or dropped meanwhile. */
  readonly jumps: readonly string[];
  /** Times at which the film's clock stood still for longer than {@link FREEZE_MILLISECONDS}, or the player said that it waits. */
  readonly stalls: readonly string[];
  /** Stalls of a machine that was late, with film in the buffer: they say nothing about the stream. */
  readonly machineStalls: readonly string[];
  readonly bufferedRanges: number;
  /** Between the ranges of the buffer, in seconds. */
  readonly holes: readonly number[];
  readonly problems: readonly string[];
}

/** A viewer sees a jump of four frames at 25 frames per second; one late frame on a busy machine is no jump. */
export const JUMP_SECONDS = 0.15;
/**
 * When the film's clock is behind the wall's by this much more than a frame ago, the film stood still for a viewer. A
 * picture that stands while the clock runs is late: its frames are among the dropped ones.
 */
export const FREEZE_MILLISECONDS = 400;
/** A player that has this much film ahead does not stand still for want of a segment. */
const ENOUGH_AHEAD_SECONDS = 1;
/** A machine that was late takes so long until decoder and clock are in step again. */
const RECOVERY_MILLISECONDS = 2_000;

/** Counts the frames after `first` up to `last`. @param called of how many of them the page heard @param frameRate in frames per second */
export function accountOf(
  first: PresentedFrame,
  last: PresentedFrame,
  called: number,
  frameRate: number,
): FrameAccount {
  const playedSeconds = last.mediaTime - first.mediaTime;
  const expected = Math.round(playedSeconds * frameRate);
  const presented = last.presented - first.presented;
  return {
    playedSeconds,
    expected,
    decoded: last.decoded - first.decoded,
    presented,
    missing: expected - presented,
    dropped: last.dropped - first.dropped,
    called,
  };
}

/**
 * Judges a sample.
 * @param frameRate of the film in frames per second
 * @param refills times of the wall at which the player was told to empty its own buffer, as by another language: that it
 *   waits then is no stall
 * @throws Error if nothing was presented
 */
export function reportOf(
  sample: PlaybackSample,
  frameRate: number,
  refills: readonly (readonly [from: number, to: number])[] = [],
): PlaybackReport {
  const first = sample.frames[0];
  const last = sample.frames.at(-1);
  if (first === undefined || last === undefined) throw new Error('the page has presented no frame');
  const stalls = stallsOf(sample).filter(
    (stall) => !refills.some(([from, to]) => stall.from <= to && stall.to >= from),
  );
  const byMachine = (stall: Stall) => isOfMachine(stall, sample);
  return {
    ...accountOf(first, last, sample.frames.length - 1, frameRate),
    decodedInAll: last.decoded,
    jumps: jumpsOf(sample.frames, frameRate),
    stalls: stalls.filter((stall) => !byMachine(stall)).map(stallText),
    machineStalls: stalls.filter(byMachine).map(stallText),
    bufferedRanges: sample.buffered.length,
    holes: sample.buffered.slice(1).map(([start], index) => start - (sample.buffered[index]?.[1] ?? 0)),
    problems: sample.problems,
  };
}

function jumpsOf(frames: readonly PresentedFrame[], frameRate: number): string[] {
  return frames.flatMap((frame, index) => {
    const before = frames[index - 1];
    if (before === undefined) return [];
    const unheard = Math.max(0, frame.presented - before.presented - 1);
    const step = frame.mediaTime - before.mediaTime;
    const accounted = unheard + frame.dropped - before.dropped;
    const jumped = step < 0 || step - accounted / frameRate > JUMP_SECONDS;
    return jumped ? [`${step.toFixed(3)} s at ${frame.mediaTime.toFixed(2)} s`] : [];
  });
}

interface Stall {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  readonly aheadSeconds: number;
}

function stallText({ what, aheadSeconds }: Stall): string {
  return `${what} with ${aheadSeconds.toFixed(1)} s of film in the buffer`;
}

/** Where the film's clock stood still, and where the player said that it waits. */
function stallsOf({ frames, waits }: PlaybackSample): Stall[] {
  const stood = frames.flatMap((frame, index): Stall[] => {
    const before = frames[index - 1];
    if (before === undefined) return [];
    const [from, to] = [before.wallMilliseconds, frame.wallMilliseconds];
    const pause = to - from - (frame.mediaTime - before.mediaTime) * 1000;
    if (pause <= FREEZE_MILLISECONDS) return [];
    const what = `stood still ${pause.toFixed(0)} ms at ${before.mediaTime.toFixed(2)} s`;
    return [{ what, from, to, aheadSeconds: before.aheadSeconds }];
  });
  const waited = waits.map(({ wallMilliseconds, aheadSeconds }): Stall => {
    return { what: 'waited', from: wallMilliseconds, to: wallMilliseconds, aheadSeconds };
  });
  return [...stood, ...waited];
}

/** Whether a stall came with film enough, while the page's timers or its pictures were late. */
function isOfMachine({ from, to, aheadSeconds }: Stall, { frames, lateTimers }: PlaybackSample): boolean {
  if (aheadSeconds < ENOUGH_AHEAD_SECONDS) return false;
  const [start, end] = [from - RECOVERY_MILLISECONDS, to + RECOVERY_MILLISECONDS];
  if (lateTimers.some((late) => late[0] <= end && late[1] >= start)) return true;
  const around = frames.filter(({ wallMilliseconds }) => wallMilliseconds >= start && wallMilliseconds <= end);
  return (around.at(-1)?.dropped ?? 0) > (around[0]?.dropped ?? 0);
}

/** One row of figures. */
export function accountLine(name: string, account: FrameAccount): string {
  const { playedSeconds, expected, decoded, presented, missing, dropped, called } = account;
  const share = `${((presented / expected) * 100).toFixed(2)} %`;
  return [
    name.padEnd(26),
    `${playedSeconds.toFixed(2)} s`.padStart(8),
    `film ${expected}`.padStart(10),
    `decoded ${decoded}`.padStart(13),
    `presented ${presented} (${share})`.padStart(26),
    `missing ${missing}`.padStart(11),
    `dropped ${dropped}`.padStart(11),
    `callbacks ${called}`.padStart(14),
  ].join('  ');
}

/** How far a decoder may be ahead of the picture, in frames: Chromium keeps a few ready, more after a pause. */
const DECODER_AHEAD_FRAMES = 12;
/** How much larger a share of frames may be lost than in the reference: the page does more than a player alone. */
const EXTRA_LOST_SHARE = 0.02;
/** A machine that loses more of the plain film than this says nothing about the frames of another player beside it. */
const REFERENCE_LOST_SHARE = 0.01;

/** A frame of audio or of pictures at 25 frames per second. */
const HOLE_TOLERANCE_SECONDS = 0.04;

function lostShare({ missing, expected }: FrameAccount): number {
  return expected === 0 ? 1 : missing / expected;
}

/** Whether the machine can play the film at all: without a switch it decodes every frame, loses hardly one, and never stands still. */
export function keepsUp(reference: PlaybackReport): boolean {
  const { expected, decoded, jumps, stalls, machineStalls } = reference;
  if (expected - decoded > DECODER_AHEAD_FRAMES || lostShare(reference) > REFERENCE_LOST_SHARE) return false;
  return jumps.length + stalls.length + machineStalls.length === 0;
}

/**
 * Holes in the buffer that are not those of the reference, in seconds: a player that shows holes of the film as it is at its
 * source shows them of what comes from there, by a frame at most longer.
 */
export function holesBeside(report: PlaybackReport, reference: PlaybackReport): readonly number[] {
  const longest = Math.max(...reference.holes);
  return report.holes.filter((seconds) => seconds > longest + HOLE_TOLERANCE_SECONDS);
}

/**
 * What a playback did worse than the reference, which played the same film in the same browser on the same machine at
 * the same time, but without any switch; in sentences, empty if nothing. Where the machine keeps up with the reference,
 * every frame of the film must have been decoded, each that was not presented must be one of those that the browser says
 * came too late, and nothing may jump or stall. Where it does not, frames say nothing about Sluice: then only errors
 * and holes are faults. How many came too late is not judged of a page that the machine was late for.
 */
export function faultsOf(report: PlaybackReport, reference: PlaybackReport): string[] {
  const faults = [
    ...report.problems,
    ...holesBeside(report, reference).map((seconds) => `the buffer has a hole of ${seconds.toFixed(3)} s`),
  ];
  if (report.bufferedRanges === 0) faults.push('the buffer is empty');
  if (!keepsUp(reference)) return faults;
  const wasInTime = report.machineStalls.length === 0;
  if (wasInTime && lostShare(report) > lostShare(reference) + EXTRA_LOST_SHARE) {
    faults.push(`${report.missing} of ${report.expected} frames are missing, ${reference.missing} in the reference`);
  }
  if (report.expected - report.decoded > DECODER_AHEAD_FRAMES || report.decodedInAll <= report.expected) {
    faults.push(`${report.decoded} of ${report.expected} frames were decoded`);
  }
  if (report.missing > report.dropped) {
    faults.push(`${report.missing} frames are missing, of which the browser has dropped only ${report.dropped}`);
  }
  return [
    ...faults,
    ...report.jumps.map((jump) => `jump: ${jump}`),
    ...report.stalls.map((stall) => `stall: ${stall}`),
  ];
}
