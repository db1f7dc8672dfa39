import { messageOf } from '@sluice/common/errors/error.ts';
import type { Container, CutSegment, Passage, SourceSegment, Splitter } from '../container/container.ts';
import type { EncoderJob } from '../ffmpeg/command.ts';
import { encodeArguments } from '../ffmpeg/command.ts';
import { HangWatch } from '../ffmpeg/hang.ts';
import type { Exit } from '../ffmpeg/process.ts';
import { EncoderProcess } from '../ffmpeg/process.ts';
import type { Progress } from '../ffmpeg/progress.ts';
import { Pace } from './pace.ts';

/** A rung's segment that has passed its check. */
export interface RungSegment {
  readonly epoch: number;
  readonly rung: string;
  readonly msn: number;
  readonly container: Container;
  readonly bytes: Uint8Array;
}

/** What an encoder run tells. */
export interface RunListeners {
  /** A whole and checked segment. */
  segment(segment: RungSegment): void;
  /** A segment that failed its check and is not handed over. */
  broken(rung: string, msn: number, fault: string): void;
  /** FFmpeg did not end in its time after SIGTERM and got SIGKILL. */
  forceKilled(pid: number | undefined): void;
}

/** Where and with what a run encodes. */
export interface RunOptions {
  readonly ffmpegPath: string;
  /** Time between SIGTERM and SIGKILL. */
  readonly forceKillMs: number;
  readonly job: EncoderJob;
  readonly targetDurationSeconds: number;
  readonly now: () => number;
}

/** One FFmpeg over one unbroken piece of the source's timeline: feed it, get each rung's segments. */
export class EncoderRun {
  readonly epoch: number;
  readonly #options: RunOptions;
  readonly #listeners: RunListeners;
  readonly #process: EncoderProcess;
  readonly #splitters: readonly Splitter<unknown>[];
  readonly #container: Container;
  readonly #passage: Passage<unknown>;
  readonly #hang: HangWatch;
  readonly pace: Pace;
  #last: SourceSegment | null = null;
  #outTimeSeconds: number | null = null;
  #inputEnded = false;
  #failure: string | null = null;
  #completed = 0;
  /** Resolves when FFmpeg has ended and its last segments were told; null after a proper end, else what went wrong. */
  readonly ended: Promise<string | null>;

  /** Starts FFmpeg for a source that begins with `first`; that one still has to be fed. */
  constructor(options: RunOptions, first: SourceSegment, listeners: RunListeners) {
    this.epoch = first.epoch;
    this.#options = options;
    this.#listeners = listeners;
    this.#hang = new HangWatch(options.targetDurationSeconds);
    const { rungs } = options.job;
    this.pace = new Pace(rungs.length, options.targetDurationSeconds);
    const { container, height, plan } = first;
    this.#container = container;
    this.#passage = container.begin(plan);
    this.#splitters = rungs.map((rung, index) =>
      this.#passage.splitter((segment) => this.#deliver(index, rung.name, segment)),
    );
    const argv = encodeArguments(options.job, { height, options: container.options(plan) });
    const listening = {
      output: (index: number, chunk: Uint8Array) => this.#split(index, chunk),
      progress: ({ outTimeSeconds }: Progress) => {
        this.#outTimeSeconds = outTimeSeconds ?? this.#outTimeSeconds;
        this.#hang.progressed(outTimeSeconds);
      },
    };
    this.#process = new EncoderProcess(options.ffmpegPath, argv, rungs.length, listening, options.forceKillMs);
    this.ended = this.#process.exited.then((exit) => this.#finish(exit));
  }

  /** Newest time written, in seconds: on the source's timeline, in fragmented MP4 from the run's start; null before the first. */
  get outTimeSeconds(): number | null {
    return this.#outTimeSeconds;
  }

  /** Process id of FFmpeg. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether FFmpeg is fed and makes no progress. */
  isHung(): boolean {
    return this.#hang.isHung(this.#options.now());
  }

  /** Whether `segment` goes on where the run is. */
  continues(segment: SourceSegment): boolean {
    const last = this.#last;
    if (this.#inputEnded || last === null || segment.epoch !== this.epoch || segment.msn !== last.msn + 1) return false;
    if (segment.container !== this.#container || this.#passage.isFull()) return false;
    return this.#container.follows(last.plan, segment.plan);
  }

  /**
   * Feeds one source segment; waits while the encoder is behind.
   * @throws SluiceError ENCODER_GONE
   */
  async feed(segment: SourceSegment): Promise<void> {
    const { msn, plan } = segment;
    for (const splitter of this.#splitters) splitter.expect(msn, plan);
    this.#last = segment;
    this.pace.fed(this.#options.now());
    this.#hang.fed(this.#options.now());
    await this.#process.write(this.#passage.input(plan));
  }

  /** The source breaks off here: FFmpeg encodes what it holds and ends. Resolves when its last segments were told. */
  async retire(): Promise<void> {
    this.#inputEnded = true;
    await this.#process.retire();
    await this.ended;
  }

  /** Ends FFmpeg: end of input, SIGTERM, SIGKILL. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#inputEnded = true;
    await this.#process.stop();
  }

  /** Ends FFmpeg because of `reason`: SIGTERM, SIGKILL. What it has not completed is lost. */
  async abandon(reason: string): Promise<void> {
    this.#failure ??= reason;
    await this.#process.terminate();
  }

  #split(index: number, chunk: Uint8Array): void {
    if (this.#failure !== null) return;
    try {
      this.#splitters[index]?.push(chunk);
    } catch (error) {
      void this.abandon(messageOf(error));
    }
  }

  #deliver(index: number, rung: string, { msn, bytes, fault }: CutSegment): void {
    this.#completed++;
    this.pace.completed(index, this.#options.now());
    const { epoch } = this;
    if (fault === null) this.#listeners.segment({ epoch, rung, msn, container: this.#container, bytes });
    else this.#listeners.broken(rung, msn, fault);
  }

  #finish(exit: Exit): string | null {
    if (exit.isForced) this.#listeners.forceKilled(this.#process.pid);
    if (this.#failure === null && this.#inputEnded && exit.code === 0) {
      for (const splitter of this.#splitters) splitter.end();
      return null;
    }
    const how = exit.signal === null ? `with code ${exit.code ?? '(not started)'}` : `by ${exit.signal}`;
    return this.#failure ?? (this.#inputEnded ? null : `FFmpeg ended ${how}: ${exit.stderr}`);
  }

  /** Segments completed so far, over all rungs. */
  get completedSegments(): number {
    return this.#completed;
  }
}
