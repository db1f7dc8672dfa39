import { messageOf } from '@sluice/common/errors/error.ts';
import type { Clock } from '../../runtime/queue/clock.ts';
import { type ContainerView, crashesInARow, type Role, restartDelaySeconds } from './decide.ts';
import { type HandlerContext, perform } from './handlers.ts';
import { commandOf, localCommand } from './images.ts';
import { LogBuffer } from './log-buffer.ts';
import type { LocalProcess } from './machine.ts';
import type { Container, Probe } from './pod.ts';
import { ProbeLoop } from './probe-loop.ts';

/** A container that cannot be started (a program is missing) is tried again after this. */
const START_RETRY_MS = 10_000;

/** Kubernetes' limits for the end of a log as termination message. */
const MESSAGE_LINES = 80;
const MESSAGE_CHARACTERS = 2048;

/** One run of a container that is over. */
export interface Termination {
  readonly exitCode: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly message: string;
  readonly pid: number;
}

/** What a slot tells of its container. */
export interface SlotEvents {
  /** Something that the pod's status or the decision depends on has changed. */
  changed(): void;
  /** The container has printed a line. */
  line(text: string): void;
  /** Something about it that its log cannot tell: a probe that failed, a hook. */
  note(text: string): void;
}

/** What a slot works with. */
export interface SlotOptions {
  readonly container: Container;
  readonly role: Role;
  readonly events: SlotEvents;
  readonly graceMs: number;
  /** Measures runs and waits. */
  readonly clock: Clock;
  /** Milliseconds since the epoch, for the status. */
  readonly now: () => number;
}

/** The place of one container in its pod, over all its restarts. */
export class ContainerSlot {
  readonly container: Container;
  readonly role: Role;
  readonly log = new LogBuffer();
  run: ContainerView['run'] = 'waiting';
  stopping = false;
  started = false;
  ready = false;
  restarts = 0;
  startedAtMs = 0;
  pid = 0;
  /** Why it does not run; empty for the usual waits. */
  waiting: { readonly reason: string; readonly message: string } | null = null;
  last: Termination | null = null;
  notBeforeMs = 0;
  readonly #options: SlotOptions;
  #crashes = 0;
  /** By the clock that measures. */
  #startedMs = 0;
  /** Of a stop that came before the process was there. */
  #graceMs = 0;
  #context: HandlerContext | null = null;
  #process: LocalProcess | null = null;
  #probes: ProbeLoop[] = [];
  #deadline: (() => void) | null = null;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.container = options.container;
    this.role = options.role;
  }

  /** The container as the decision sees it. */
  view(): ContainerView {
    const { container, role, run, stopping, started, last, notBeforeMs } = this;
    return { name: container.name, role, run, stopping, started, exitCode: last?.exitCode ?? null, notBeforeMs };
  }

  /** Starts the container; the outcome is told by `changed`. @param context made anew, because Secrets change */
  async start(context: () => Promise<HandlerContext>): Promise<void> {
    if (this.last !== null) this.restarts += 1;
    this.run = 'alive';
    this.waiting = null;
    this.startedAtMs = this.#options.now();
    this.#startedMs = this.#options.clock.now();
    try {
      const made = await context();
      this.#context = made;
      const { machine, container, image, mappings, environment, directory } = made;
      const command = localCommand(commandOf(container, image), image, mappings);
      this.#process = await machine.launch({ command, environment, directory, onLine: (line) => this.#took(line) });
    } catch (error) {
      this.#failed(messageOf(error));
      return;
    }
    this.pid = this.#process.pid;
    this.#process.ended.then(
      ({ exitCode }) => this.#ended(exitCode),
      () => this.#ended(255),
    );
    if (this.stopping)
      this.stop(this.#graceMs, false); // it was stopped while it started
    else await this.#begin(this.#context);
    this.#options.events.changed();
  }

  /**
   * Stops the container: preStop, the stop signal, and SIGKILL at the end of the grace period. Called again it shortens
   * what is left. @param hooks false: the signal goes out at once
   */
  stop(graceMs: number, hooks: boolean): void {
    if (this.run !== 'alive') return;
    const first = !this.stopping;
    this.stopping = true;
    this.ready = false;
    this.#endProbes();
    const context = this.#context;
    this.#graceMs = graceMs;
    if (this.#process === null || context === null) return; // it is signalled as soon as it is there
    this.#deadline?.();
    if (graceMs <= 0) {
      this.#process.kill();
      return;
    }
    this.#deadline = context.clock.setTimer(() => this.#process?.kill(), graceMs);
    const hook = this.container.lifecycle.preStop;
    if (!hooks || hook === undefined) this.#signal();
    else if (first) void this.#afterHook(perform(hook, graceMs, context));
    this.#options.events.changed();
  }

  async #afterHook(hook: Promise<string | null>): Promise<void> {
    const fault = await hook;
    if (fault !== null) this.#options.events.note(`preStop failed: ${fault}`);
    this.#signal();
  }

  #signal(): void {
    this.#process?.signal(this.#context?.image.stopSignal ?? 'SIGTERM');
  }

  #took(line: string): void {
    this.log.add(line);
    this.#options.events.line(line);
  }

  /** The process runs: postStart, then the probes. */
  async #begin(context: HandlerContext): Promise<void> {
    const hook = this.container.lifecycle.postStart;
    const fault = hook === undefined ? null : await perform(hook, this.#options.graceMs, context);
    if (this.run !== 'alive' || this.stopping) return;
    if (fault !== null) {
      this.#unhealthy('postStart', fault);
      return;
    }
    const { startupProbe } = this.container;
    if (startupProbe === undefined) this.#hasStarted(context);
    else
      this.#watch(startupProbe, context, (good, why) =>
        good ? this.#hasStarted(context) : this.#unhealthy('startup probe', why),
      );
  }

  #hasStarted(context: HandlerContext): void {
    if (this.started) return;
    this.#endProbes();
    this.started = true;
    const { livenessProbe, readinessProbe } = this.container;
    if (livenessProbe !== undefined) {
      this.#watch(livenessProbe, context, (good, why) => {
        if (!good) this.#unhealthy('liveness probe', why);
      });
    }
    if (readinessProbe === undefined) this.ready = true;
    else {
      this.#watch(readinessProbe, context, (good) => {
        if (this.ready === good) return;
        this.ready = good;
        this.#options.events.changed();
      });
    }
    this.#options.events.changed();
  }

  #watch(probe: Probe, context: HandlerContext, onResult: (good: boolean, why: string) => void): void {
    let why = '';
    const ask = async (): Promise<boolean> => {
      const fault = await perform(probe, probe.timeoutSeconds * 1000, context);
      why = fault ?? '';
      return fault === null;
    };
    this.#probes.push(new ProbeLoop(probe, ask, context.clock, (good) => onResult(good, why)));
  }

  #unhealthy(what: string, why: string): void {
    this.#options.events.note(`${what} failed, the container is stopped: ${why}`);
    this.stop(this.#options.graceMs, true);
  }

  #endProbes(): void {
    for (const probe of this.#probes) probe.stop();
    this.#probes = [];
  }

  #failed(message: string): void {
    this.#reset('waiting');
    this.waiting = { reason: 'CreateContainerError', message };
    this.notBeforeMs = this.#options.clock.now() + START_RETRY_MS;
    this.#options.events.note(message);
    this.#options.events.changed();
  }

  #ended(exitCode: number): void {
    const { now, clock } = this.#options;
    const falls = exitCode !== 0 && this.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    const message = falls ? this.log.tail(MESSAGE_LINES, MESSAGE_CHARACTERS) : '';
    this.last = { exitCode, startedAtMs: this.startedAtMs, finishedAtMs: now(), message, pid: this.pid };
    this.#crashes = crashesInARow(this.#crashes, clock.now() - this.#startedMs);
    this.notBeforeMs = clock.now() + restartDelaySeconds(this.#crashes) * 1000;
    this.#reset('ended');
    this.#options.events.changed();
  }

  #reset(run: 'waiting' | 'ended'): void {
    this.#endProbes();
    this.#deadline?.();
    this.#deadline = null;
    this.#process = null;
    this.#context = null;
    this.run = run;
    this.stopping = false;
    this.started = false;
    this.ready = false;
    this.pid = 0;
  }
}
