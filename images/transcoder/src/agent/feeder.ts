import { messageOf } from '@sluice/common/errors/error.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Job } from '@sluice/common/work/contract.ts';
import type { SourceSegment } from '../container/container.ts';
import { ENCODERS } from '../ffmpeg/encoders.ts';
import type { EncoderChoice } from '../ffmpeg/trial.ts';
import { backoffMs } from '../owner/backoff.ts';
import type { RungSegment, RunListeners } from './encoder-run.ts';
import { EncoderRun } from './encoder-run.ts';

/** Runs that fail one after the other without a single segment before the agent gives up: its pod is replaced then. */
const MOST_FAILURES = 5;
/**
 * The same on a GPU, before the CPU takes over: a GPU that passed its trial and then fails twice without a segment
 * between is lost (driver, hardware, too many encodes), and viewers wait.
 */
const MOST_HARDWARE_FAILURES = 2;
/** The encoder that works on every node. */
const SOFTWARE_ENCODER = 'libx264';

/** What the feeder needs. */
export interface FeederOptions {
  readonly ffmpegPath: string;
  /** Time between SIGTERM and SIGKILL of an FFmpeg that has to end. */
  readonly forceKillMs: number;
  readonly job: Job;
  /** What the trial has chosen. */
  readonly choice: EncoderChoice;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Logger;
  readonly listeners: Pick<RunListeners, 'broken' | 'forceKilled'> & {
    /** A whole and checked segment of encoder run number `run`, counted from 1. */
    segment(segment: RungSegment, run: number): void;
  };
  /** The run has broken off: ask for the newest segments again. */
  interrupted(): void;
}

/** Keeps one encoder run alive over the source: starts it, renews it where the timeline breaks and after failures. */
export class Feeder {
  readonly #options: FeederOptions;
  #rungs: Job['rungs'];
  #choice: EncoderChoice;
  readonly #dropped: string[] = [];
  #run: EncoderRun | null = null;
  #retiring: Promise<void> = Promise.resolve();
  #failures = 0;
  #notBefore = 0;
  #message = '';
  #starts = 0;

  constructor(options: FeederOptions) {
    this.#options = options;
    this.#rungs = options.job.rungs;
    this.#choice = options.choice;
  }

  /** The run that takes the next segment; null before the first, and after a failure. */
  get run(): EncoderRun | null {
    return this.#run;
  }

  /** Names of the rungs that were given up because the encoder was too slow. */
  get droppedRungs(): readonly string[] {
    return this.#dropped;
  }

  /** The encoder of the present and the next run, and why the ones before it in the job's list are not. */
  get choice(): EncoderChoice {
    return this.#choice;
  }

  /** What went wrong last; empty while nothing has. */
  get message(): string {
    return this.#message;
  }

  /** The agent cannot do its work here. */
  get hasGivenUp(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  /** Milliseconds until the next run may start; 0 if it may now. */
  waitMs(): number {
    return Math.max(0, this.#notBefore - this.#options.now());
  }

  /**
   * Feeds the next source segment, with a new run where it does not continue the present one; waits while the
   * encoder is behind. A run that breaks off meanwhile is told by `interrupted`.
   */
  async take(segment: SourceSegment, discontinuity: boolean, targetDurationSeconds: number): Promise<void> {
    if (this.#run === null || discontinuity || !this.#run.continues(segment)) {
      await this.#retire();
      this.#run = this.#start(segment, targetDurationSeconds);
    }
    try {
      await this.#run.feed(segment);
    } catch (error) {
      // The end of the run, which follows, says why.
      this.#options.log.debug({ msn: segment.msn }, messageOf(error));
    }
  }

  /** Nothing follows for now: the present run completes what it was fed, its last segments too, and ends. */
  async finish(): Promise<void> {
    await this.#retire();
  }

  /** Looks after the run, to be called every second. `idle`: all known source segments are fed. */
  watch(idle: boolean): void {
    const run = this.#run;
    if (run === null) return;
    if (run.isHung()) void run.abandon('FFmpeg makes no progress although it is fed');
    else if (run.pace.isTooSlow(this.#options.now(), idle)) this.#dropTopRung(run);
  }

  /** Ends FFmpeg; resolves when it is gone. */
  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await Promise.all([run?.stop(), this.#retiring]);
  }

  #start(first: SourceSegment, targetDurationSeconds: number): EncoderRun {
    const { ffmpegPath, forceKillMs, job, now, log, listeners } = this.#options;
    const options = {
      ffmpegPath,
      forceKillMs,
      job: { rungs: this.#rungs, encoder: this.#choice.encoder, preset: job.preset },
      targetDurationSeconds,
      now,
    };
    const serial = ++this.#starts;
    const run = new EncoderRun(options, first, {
      broken: listeners.broken,
      forceKilled: listeners.forceKilled,
      segment: (segment) => {
        this.#failures = 0;
        if (this.#dropped.length === 0) this.#message = '';
        listeners.segment(segment, serial);
      },
    });
    log.info({ epoch: run.epoch, msn: first.msn, rungs: this.#rungs.map((rung) => rung.name) }, 'encoding');
    void run.ended.then((failure) => {
      if (failure !== null) this.#fail(run, failure);
    });
    return run;
  }

  #fail(run: EncoderRun, failure: string): void {
    this.#message = failure;
    if (this.#run !== run) return;
    this.#run = null;
    this.#failures++;
    this.#notBefore = this.#options.now() + backoffMs(this.#failures, this.#options.random());
    this.#options.log.warn({ failures: this.#failures }, failure);
    this.#leaveHardware(failure);
    this.#options.interrupted();
  }

  #leaveHardware(failure: string): void {
    const { encoder, refused } = this.#choice;
    const { job, log } = this.#options;
    if (ENCODERS[encoder]?.hardware !== true || this.#failures < MOST_HARDWARE_FAILURES) return;
    if (!job.encoders.includes(SOFTWARE_ENCODER)) return;
    this.#choice = { encoder: SOFTWARE_ENCODER, refused: [...refused, `${encoder}: ${failure}`] };
    this.#failures = 0;
    log.warn({ from: encoder, to: SOFTWARE_ENCODER }, 'the encoder does not work any more');
  }

  /** Lets the present run finish what it was fed; at most one other run finishes at the same time. */
  async #retire(): Promise<void> {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    await this.#retiring;
    this.#retiring = run.retire();
  }

  #dropTopRung(run: EncoderRun): void {
    const top = this.#rungs.reduce((left, right) => (right.bitrateBps > left.bitrateBps ? right : left));
    if (this.#rungs.length === 1) {
      this.#message = 'the encoder cannot keep pace even with its lowest rung: give the session more CPU';
      return;
    }
    this.#rungs = this.#rungs.filter((rung) => rung !== top);
    this.#dropped.push(top.name);
    this.#run = null;
    this.#message = `rung ${top.name} was dropped: the encoder cannot keep pace`;
    this.#options.log.warn({ rung: top.name }, this.#message);
    this.#retiring = Promise.all([this.#retiring, run.abandon(this.#message)]).then(() => undefined);
    this.#options.interrupted();
  }
}
