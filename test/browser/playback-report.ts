/**
 * One presented frame as the page's main thread heard of it (requestVideoFrameCallback), with the browser's counters at
 * that moment. On a busy machine the main thread misses callbacks; the counters go on.
 */
export interface PresentedFrame {
  /** Its time in the film, in seconds. */
  readonly mediaTime: number;
  /** When it was presented, in milliseconds of the wall. */
  readonly wallMilliseconds: number;
  /** Frames handed to the compositor since the start (`presentedFrames`). */
  readonly presented: number;
  /** Frames decoded since the start (`totalVideoFrames`), some of which are still to come. */
  readonly decoded: number;
  /** Decoded frames that came too late to be presented (`droppedVideoFrames`). */
  readonly dropped: number;
}

/** What the probe in the page answers; times of the film in seconds. */
export interface PlaybackSample {
  readonly frames: readonly PresentedFrame[];
  readonly problems: readonly string[];
  /** `waiting` events after the first picture. */
  readonly waiting: number;
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
  /** Times without a new picture longer than {@link FREEZE_MILLISECONDS}. */
  readonly freezes: readonly string[];
  readonly bufferedRanges: number;
  readonly waiting: number;
  readonly problems: readonly string[];
}

/** A viewer sees a jump of four frames at 25 frames per second; one late frame on a busy machine is no jump. */
export const JUMP_SECONDS = 0.15;
/** Without a new picture for longer than this the film stands still for a viewer. */
export const FREEZE_MILLISECONDS = 400;

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

/** Judges a sample. @param frameRate of the film in frames per second @throws Error if nothing was presented */
export function reportOf(sample: PlaybackSample, frameRate: number): PlaybackReport {
  const first = sample.frames[0];
  const last = sample.frames.at(-1);
  if (first === undefined || last === undefined) throw new Error('the page has presented no frame');
  const jumps: string[] = [];
  const freezes: string[] = [];
  sample.frames.forEach((frame, index) => {
    const before = sample.frames[index - 1];
    if (before === undefined) return;
    const at = `at ${frame.mediaTime.toFixed(2)} s`;
    const unheard = Math.max(0, frame.presented - before.presented - 1);
    const step = frame.mediaTime - before.mediaTime;
    const accounted = unheard + frame.dropped - before.dropped;
    if (step < 0 || step - accounted / frameRate > JUMP_SECONDS) jumps.push(`${step.toFixed(3)} s ${at}`);
    const pause = frame.wallMilliseconds - before.wallMilliseconds - (unheard * 1000) / frameRate;
    if (pause > FREEZE_MILLISECONDS) freezes.push(`${pause.toFixed(0)} ms ${at}`);
  });
  return {
    ...accountOf(first, last, sample.frames.length - 1, frameRate),
    decodedInAll: last.decoded,
    jumps,
    freezes,
    bufferedRanges: sample.buffered.length,
    waiting: sample.waiting,
    problems: sample.problems,
  };
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
/** How much larger a share of frames may be lost than in the reference: it is chance which of two players loses one more. */
const EXTRA_LOST_SHARE = 0.01;

/** Whether the machine can play the film at all: it decodes every frame without a switch, and never stands still. */
export function keepsUp(reference: PlaybackReport): boolean {
  const { expected, decoded, jumps, freezes, waiting } = reference;
  return expected - decoded <= DECODER_AHEAD_FRAMES && jumps.length + freezes.length + waiting === 0;
}

/**
 * What a playback did worse than the reference, which played the same film with the same player on the same machine at
 * the same time, but without any switch; in sentences, empty if nothing. Where the machine keeps up with the reference,
 * every frame of the film must have been decoded, each that was not presented must be one of those that the browser says
 * came too late, and nothing may jump, freeze or wait. Where it does not, frames say nothing about Sluice: then only errors
 * and holes are faults.
 */
export function faultsOf(report: PlaybackReport, reference: PlaybackReport): string[] {
  const faults = [...report.problems];
  if (report.bufferedRanges !== 1) faults.push(`the buffer has ${report.bufferedRanges} ranges, so there is a hole`);
  if (!keepsUp(reference)) return faults;
  const lost = (one: PlaybackReport) => one.missing / one.expected;
  if (lost(report) > lost(reference) + EXTRA_LOST_SHARE) {
    faults.push(`${report.missing} of ${report.expected} frames are missing, ${reference.missing} in the reference`);
  }
  if (report.expected - report.decoded > DECODER_AHEAD_FRAMES || report.decodedInAll <= report.expected) {
    faults.push(`${report.decoded} of ${report.expected} frames were decoded`);
  }
  if (report.missing > report.dropped) {
    faults.push(`${report.missing} frames are missing, of which the browser has dropped only ${report.dropped}`);
  }
  faults.push(...report.jumps.map((jump) => `jump: ${jump}`), ...report.freezes.map((freeze) => `freeze: ${freeze}`));
  if (report.waiting > 0) faults.push(`the player waited ${report.waiting} times`);
  return faults;
}
