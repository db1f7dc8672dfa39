/** What FFmpeg is told of a container, in its spelling. */
export interface ContainerOptions {
  /** Before the input on stdin. */
  readonly input: readonly string[];
  /** Streams of each output besides its pictures, which it copies. */
  readonly copied: readonly string[];
  /** Clock of the encoders, so that every timestamp of the source is kept: seconds per tick, e.g. `1:90000`. */
  readonly timeBase: string;
  /**
   * Whether players that keep one decoder over source and rungs get the parameter sets of both only once, so that a rung's
   * may not take the place of the source's.
   */
  readonly hasSharedDecoder: boolean;
  /** Of each output, behind its encoder's. */
  readonly output: readonly string[];
}

/** One segment of a rung as it was cut. */
export interface CutSegment {
  readonly msn: number;
  /** As it is handed over. */
  readonly bytes: Uint8Array;
  /** Why it must not be handed over; null where it is whole and holds exactly the frames of the source's segment. */
  readonly fault: string | null;
}

/** Cuts what FFmpeg writes for one rung into segments where the source's begin. */
export interface Splitter<Plan> {
  /** Announces the next segment, before FFmpeg is fed with it. They come in the order of time. */
  expect(msn: number, plan: Plan): void;
  /**
   * Takes the next bytes of FFmpeg's output, cut anywhere.
   * @throws SluiceError TS_INVALID, MP4_INVALID where it is not what this container is; SEGMENT_TOO_LARGE
   */
  push(chunk: Uint8Array): void;
  /** FFmpeg has ended properly: everything that has media is complete. */
  end(): void;
}

/** The way of one encoder run through FFmpeg and out of it. */
export interface Passage<Plan> {
  /** What FFmpeg is fed of the next segment; asked once for each. */
  input(plan: Plan): Uint8Array;
  /** Whether FFmpeg was fed as much as it should remember: the next segment begins another run. */
  isFull(): boolean;
  /** Of one rung. @param emit takes each segment as soon as it is complete */
  splitter(emit: (segment: CutSegment) => void): Splitter<Plan>;
}

/**
 * All that differs between MPEG-TS and fragmented MP4 on the way through FFmpeg. `Plan` is what a container has read of a
 * source segment and alone understands: where it begins, its frames, its bytes.
 */
export interface Container<Plan = unknown> {
  /** Of what is handed over (images/common/work/contract.ts). */
  readonly contentType: string;
  options(plan: Plan): ContainerOptions;
  /** Whether one encoder run can go on from the segment `before` to `next`, its successor by number. */
  follows(before: Plan, next: Plan): boolean;
  /** Begins an encoder run with a segment, whose bytes it does not keep. */
  begin(first: Plan): Passage<Plan>;
  /** A segment of one run that follows on one of another: with a joint in front where the container needs one. */
  withJoint(bytes: Uint8Array): Uint8Array;
}

/** Height assumed where the source does not tell it: no rung is held back then, FFmpeg reads the size itself. */
const UNKNOWN_HEIGHT = 4320;

/** A source segment, read and ready to be fed. */
export interface SourceSegment {
  readonly epoch: number;
  /** Media sequence number in the source's playlist. */
  readonly msn: number;
  /** Height of the picture in pixels. */
  readonly height: number;
  readonly container: Container;
  /** Of {@link Container}. */
  readonly plan: unknown;
}

/** A source segment with the plan of its container. @param height 0 where it is not known */
export function sourceSegment<Plan>(
  epoch: number,
  msn: number,
  height: number,
  container: Container<Plan>,
  plan: Plan,
): SourceSegment {
  return { epoch, msn, height: height > 0 ? height : UNKNOWN_HEIGHT, container, plan };
}
