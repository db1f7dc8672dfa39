import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { AgentReport, Job, Work } from '@sluice/common/work/contract.ts';
import type { IncidentReason } from '@sluice/common/work/incident.ts';
import pidusage from 'pidusage';
import { SegmentReader } from '../container/read.ts';
import type { EncoderChoice } from '../ffmpeg/trial.ts';
import type { Cursor, OwnerClient } from '../owner/client.ts';
import type { RungSegment } from './encoder-run.ts';
import { Feeder } from './feeder.ts';
import type { FirstSegments } from './first-segments.ts';
import type { Incidents } from './incidents.ts';
import { Latency } from './latency.ts';
import type { AgentMetrics } from './metrics.ts';
import { codeOf, OwnerCalls } from './owner-calls.ts';
import { type Capacity, ResourceWatch, type WarningThresholds } from './resource-watch.ts';
import { Speed } from './speed.ts';
import { Succession } from './succession.ts';
import { Uploader } from './uploader.ts';

/**
 * Source segments that a new run begins with at most. With the constant lag only the newest two can still be published
 * as the rung's; one more lets the encoder warm up. A longer backlog would only put the first useful segment off.
 */
const START_BACKLOG = 3;
/** Time between two reports in ms; the contract asks for one every 5 s. */
const REPORT_MS = 2000;
/** Time between two looks at the encoder in ms. */
const WATCH_MS = 1000;

/** The owner answers the first question with what it wants fed first. */
const START: Cursor = { epoch: 0, after: -1 };
/** Codes of a source segment that will not come any more. */
const GONE: readonly string[] = ['NOT_FOUND', 'EPOCH_OVER'];

/** Why the agent ended. */
export type Outcome = 'released' | 'superseded' | 'stopped' | 'failed';

/** What the agent works with. */
export interface AgentOptions {
  readonly client: OwnerClient;
  readonly ffmpegPath: string;
  /** Time between SIGTERM and SIGKILL of an FFmpeg that has to end. */
  readonly forceKillMs: number;
  readonly job: Job;
  /** What the trial has chosen. */
  readonly choice: EncoderChoice;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  /** Of this pod. */
  readonly incidents: Incidents;
  readonly firstSegments: FirstSegments;
  /** What the pod may use. */
  readonly capacity: Capacity;
  /** How near to that the encoder may come before it is told. */
  readonly warnings: WarningThresholds;
  readonly now: () => number;
  readonly random: () => number;
}

/** The loop of a transcode pod: take work, feed, hand segments over, report. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #feeder: Feeder;
  readonly #uploader: Uploader;
  readonly #latency: Latency;
  readonly #speed = new Speed();
  readonly #resources: ResourceWatch;
  readonly #succession = new Succession();
  readonly #calls: OwnerCalls;
  readonly #reader = new SegmentReader();
  readonly #stop = new AbortController();
  #outcome: Outcome = 'stopped';
  #wake = new AbortController();
  #cursor: Cursor = START;
  #fedMsn: number | null = null;
  /** Waits for the owner to have more. */
  #idle = false;
  #draining = false;
  /** Everything is fed: the source has ended. */
  #ended = false;
  #message = '';

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#resources = new ResourceWatch(options.capacity, options.warnings);
    this.#latency = new Latency(options.now);
    this.#calls = new OwnerCalls({
      failed: (message, isFirst) => {
        this.#message = message;
        if (isFirst) options.log.warn(message);
      },
      superseded: () => this.#end('superseded'),
      lost: () => this.#end('failed'),
      pause: (ms) => this.#pause(ms),
      ...{ now: options.now, random: options.random },
    });
    this.#uploader = new Uploader({
      put: ({ epoch, rung, msn, bytes, container }) =>
        options.client.putSegment(epoch, rung, msn, bytes, container.contentType),
      stored: (segment) => this.#stored(segment),
      dropped: (segment, reason) => this.#lost(segment.rung, segment.msn, 'refused', reason),
      superseded: () => this.#end('superseded'),
      random: options.random,
      sleep,
    });
    this.#feeder = new Feeder({
      ...options,
      listeners: {
        segment: (segment, run) => this.#handOver(segment, run),
        broken: (rung, msn, fault) => this.#lost(rung, msn, 'broken', fault),
        forceKilled: (pid) =>
          this.#happened('ForceKillRequired', `FFmpeg (process ${pid}) did not end after SIGTERM and was killed`),
      },
      interrupted: () => this.#rewind(),
    });
  }

  /**
   * Works until the owner lets go, a newer attempt works, {@link stop} is called, nothing succeeds, or no edge has known
   * the session for five minutes.
   */
  async run(): Promise<Outcome> {
    const reports = this.#every(REPORT_MS, () => this.#report());
    const watch = this.#every(WATCH_MS, async () => this.#feeder.watch(this.#idle));
    while (!this.#stop.signal.aborted) await this.#step();
    await this.#feeder.stop();
    this.#uploader.close();
    await Promise.all([reports, watch]);
    if (this.#outcome === 'failed' || this.#options.incidents.hasNews) await this.#report();
    return this.#outcome;
  }

  /** From now on reports say `Draining`; the work goes on. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Ends the work: FFmpeg is stopped, {@link run} resolves. */
  stop(): void {
    this.#end('stopped');
  }

  #end(outcome: Outcome): void {
    if (!this.#stop.signal.aborted) this.#outcome = outcome;
    this.#stop.abort();
  }

  /** One question for work and what follows from it. */
  async #step(): Promise<void> {
    if (this.#feeder.hasGivenUp) return this.#end('failed');
    await this.#pause(this.#feeder.waitMs());
    this.#wake = new AbortController();
    this.#idle = true;
    const work = await this.#ask();
    this.#idle = false;
    if (work === null) return;
    if (work.stop) return this.#end('released');
    const fresh = this.#feeder.run === null || work.epoch !== this.#cursor.epoch;
    const segments = fresh ? work.segments.slice(-START_BACKLOG) : work.segments;
    if (work.epoch !== this.#cursor.epoch) this.#cursor = { epoch: work.epoch, after: -1 };
    for (const segment of segments) {
      if (this.#wake.signal.aborted || this.#stop.signal.aborted) return;
      await this.#take(work, segment);
    }
    this.#ended = work.ended === true;
    if (this.#ended) await this.#feeder.finish();
  }

  async #ask(): Promise<Work | null> {
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
    return this.#calls.retrying(signal, [], async () => {
      try {
        return await this.#options.client.work(this.#cursor, this.#ended, signal);
      } catch (error) {
        if (codeOf(error) === 'EPOCH_OVER') this.#cursor = START;
        throw error;
      }
    });
  }

  async #take(work: Work, { msn, discontinuity, init: named }: Work['segments'][number]): Promise<void> {
    const { epoch } = work;
    const init = named ?? null;
    const { client } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
    const isNew = init !== null && this.#reader.needs(init);
    const section = isNew ? await this.#calls.retrying(signal, GONE, () => client.init(epoch, msn, signal)) : null;
    const bytes = await this.#calls.retrying(signal, GONE, () => client.source(epoch, msn, signal));
    if (signal.aborted) return;
    this.#cursor = { epoch, after: msn };
    if (bytes === null || (isNew && section === null)) return;
    try {
      if (init !== null && section !== null) this.#reader.learn(init, section);
      const segment = this.#reader.read(epoch, msn, bytes, init);
      this.#latency.fed(epoch, msn);
      this.#fedMsn = msn;
      await this.#feeder.take(segment, discontinuity, work.targetDurationSeconds);
    } catch (error) {
      this.#options.log.warn({ epoch, msn }, messageOf(error));
      this.#message = messageOf(error);
    }
  }

  /** The run broke off: go on with the newest segments that the owner has. */
  #rewind(): void {
    const after = Math.max(-1, this.#cursor.after - START_BACKLOG + 1);
    this.#cursor = { epoch: this.#cursor.epoch, after };
    this.#wake.abort();
  }

  #handOver(segment: RungSegment, run: number): void {
    const next = this.#succession.next(segment, run);
    if (next !== null) this.#uploader.add(next);
  }

  #stored({ epoch, rung, msn, bytes }: RungSegment): void {
    const seconds = this.#latency.secondsSinceFed(epoch, msn);
    this.#message = '';
    const sinceStart = this.#options.firstSegments.stored(rung);
    if (sinceStart !== null) this.#options.metrics.first(rung, sinceStart);
    this.#options.metrics.stored(rung, bytes.length, seconds);
    this.#options.log.debug({ rung, msn, bytes: bytes.length, seconds }, 'stored');
  }

  #lost(rung: string, msn: number, result: 'broken' | 'refused', reason: string): void {
    this.#options.metrics.lost(rung, result);
    this.#message = `${rung} ${msn}: ${reason}`;
    this.#options.log.warn({ rung, msn, result }, reason);
  }

  #happened(reason: IncidentReason, message: string): void {
    this.#options.incidents.add(reason, message);
    this.#options.metrics.incident(reason);
    this.#options.log.warn({ incident: reason }, message);
  }

  async #report(): Promise<void> {
    try {
      const report = await this.#describe();
      await this.#options.client.report(report);
      if (report.incidents?.length === this.#options.incidents.all.length) this.#options.incidents.reported();
    } catch (error) {
      if (codeOf(error) === 'SUPERSEDED') this.#end('superseded');
      else this.#options.log.debug(messageOf(error));
    }
  }

  async #describe(): Promise<AgentReport> {
    const { run, droppedRungs, message } = this.#feeder;
    const outTimeSeconds = run?.outTimeSeconds ?? null;
    const usage = run?.pid === undefined ? null : await pidusage(run.pid).catch(() => null);
    const warning = this.#resources.update(
      { cpuPercent: usage?.cpu ?? null, memoryBytes: usage?.memory ?? null },
      this.#options.now(),
    );
    if (warning !== null) this.#happened('ResourceWarning', warning);
    const working = this.#ended || (run !== null && run.completedSegments > 0);
    const rungs = this.#options.job.rungs.map(({ name }) => name).filter((name) => !droppedRungs.includes(name));
    const firstSegmentsSeconds = this.#options.firstSegments.seconds(rungs);
    return {
      state: this.#draining ? 'Draining' : this.#feeder.hasGivenUp ? 'Failed' : working ? 'Encoding' : 'Probing',
      encoder: this.#feeder.choice.encoder,
      fallback: this.#feeder.choice.refused.join('; '),
      speed: this.#speed.update(this.#options.now(), outTimeSeconds),
      outTimeSeconds,
      fedMsn: this.#fedMsn,
      droppedRungs: [...droppedRungs],
      cpuPercent: usage?.cpu ?? null,
      memoryBytes: usage?.memory ?? null,
      message: message === '' ? this.#message : message,
      ...(firstSegmentsSeconds === null ? {} : { firstSegmentsSeconds }),
      incidents: [...this.#options.incidents.all],
    };
  }

  /** Calls `task` again and again until the agent stops. */
  async #every(periodMs: number, task: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await task();
      await this.#pause(periodMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
