/** What the probe in the page answers; times of the film in seconds, of the wall in milliseconds. */
export interface PlaybackSample {
  /** Each presented frame: its time in the film, and when it was presented. */
  readonly frames: readonly (readonly [mediaTime: number, wallMilliseconds: number])[];
  readonly problems: readonly string[];
  /** `waiting` events after the first picture. */
  readonly waiting: number;
  readonly buffered: readonly (readonly [start: number, end: number])[];
  readonly currentTime: number;
  readonly paused: boolean;
  readonly width: number;
  readonly height: number;
  readonly decodedFrames: number;
  readonly droppedFrames: number;
}

/** How a playback went. */
export interface PlaybackReport {
  /** Seconds of film between the first and the last presented frame. */
  readonly playedSeconds: number;
  readonly presentedFrames: number;
  /** Frames that the film has in that time. */
  readonly expectedFrames: number;
  /** Steps in the film's time backwards, or forwards by more than {@link JUMP_SECONDS}. */
  readonly jumps: readonly string[];
  /** Times without a new picture longer than {@link FREEZE_MILLISECONDS}. */
  readonly freezes: readonly string[];
  readonly bufferedRanges: number;
  readonly waiting: number;
  readonly droppedFrames: number;
  readonly problems: readonly string[];
}

/** A viewer sees a jump of four frames at 25 frames per second; one late frame on a busy machine is no jump. */
export const JUMP_SECONDS = 0.15;
/** Without a new picture for longer than this the film stands still for a viewer. */
export const FREEZE_MILLISECONDS = 400;

/** Judges a sample. @param frameRate of the film in frames per second */
export function reportOf(sample: PlaybackSample, frameRate: number): PlaybackReport {
  const jumps: string[] = [];
  const freezes: string[] = [];
  sample.frames.forEach(([mediaTime, wall], index) => {
    const before = sample.frames[index - 1];
    if (before === undefined) return;
    const step = mediaTime - before[0];
    if (step < 0 || step > JUMP_SECONDS) jumps.push(`${step.toFixed(3)} s at ${mediaTime.toFixed(2)} s`);
    const pause = wall - before[1];
    if (pause > FREEZE_MILLISECONDS) freezes.push(`${pause.toFixed(0)} ms at ${mediaTime.toFixed(2)} s`);
  });
  const playedSeconds = (sample.frames.at(-1)?.[0] ?? 0) - (sample.frames[0]?.[0] ?? 0);
  return {
    playedSeconds,
    presentedFrames: sample.frames.length,
    expectedFrames: Math.round(playedSeconds * frameRate) + 1,
    jumps,
    freezes,
    bufferedRanges: sample.buffered.length,
    waiting: sample.waiting,
    droppedFrames: sample.droppedFrames,
    problems: sample.problems,
  };
}
