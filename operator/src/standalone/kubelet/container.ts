import { messageOf } from '@sluice/common/errors/error.ts';
import { type Clock, pause } from '../../runtime/queue/clock.ts';
import { type Container, type Deed, type Probe, portNumber } from '../api/shapes.ts';
import { crashesInARow, restartDelaySeconds } from './back-off.ts';
import { commandOf, imageOf, type LocalImage, type LocalImages, localCommand } from './images.ts';
import { LogBuffer } from './log.ts';
import type { LocalProcess, Machine } from './machine.ts';
import { environmentOf, mappingsOf, type PodPlace } from './place.ts';

/** What a container is to its pod: run once before the others, run beside them from before to after, or the work itself. */
export type Role = 'init' | 'sidecar' | 'main';

/** One run of a container that is over. */
export interface Termination {
  readonly exitCode: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly message: string;
  readonly pid: number;
}

/** What a container works with. */
export interface ContainerServices {
  readonly machine: Machine;
  readonly images: LocalImages;
  /** Measures runs and waits. */
  readonly clock: Clock;
  /** Milliseconds since the epoch, for the status. */
  readonly now: () => number;
  /** Something that the pod's status depends on has changed. */
  readonly changed: () => void;
  /** A line for people. @param isNote said of the container, not by it */
  readonly say: (text: string, isNote: boolean) => void;
}

/** A container that cannot be started (a program is missing) is tried again after this. */
const START_RETRY_MS = 10_000;

/** Kubernetes' limits for the end of a log as termination message. */
const MESSAGE_LINES = 80;
const MESSAGE_CHARACTERS = 2048;

/** One process of a container that runs. */
interface Run {
  readonly process: LocalProcess;
  readonly image: LocalImage;
  /** Over when it stops: its probes and hooks end then. */
  readonly attended: AbortController;
  /** When it is killed, by the clock that measures; never, until it is stopped. */
  killAtMs: number;
  cancelKill: () => void;
}

/** One container of a pod, over all its restarts. */
export class LocalContainer {
  readonly container: Container;
  readonly role: Role;
  readonly log = new LogBuffer();
  /** Resolves when its startup probe has succeeded for the first time, or it will not start any more. */
  readonly firstStart = Promise.withResolvers<void>();
  /** Whether it has ended and will not be started again. */
  isOver = false;
  started = false;
  ready = false;
  restarts = 0;
  startedAtMs = 0;
  /** 0: no process. */
  pid = 0;
  /** Why it does not run, if that is not the usual wait. */
  waiting: { readonly reason: string; readonly message: string } | null = null;
  last: Termination | null = null;
  readonly #place: PodPlace;
  readonly #services: ContainerServices;
  /** Set by the first stop that is for good: it is not started again. */
  readonly #stopping = new AbortController();
  /** Of a stop that came before the process was there. */
  #graceMs = 0;
  #crashes = 0;
  #loop: Promise<void> | null = null;
  #run: Run | null = null;

  constructor(container: Container, role: Role, place: PodPlace, services: ContainerServices) {
    this.container = container;
    this.role = role;
    this.#place = place;
    this.#services = services;
  }

  /** Runs it until it is over: it has ended and its pod's policy does not restart it, or it is stopped. */
  run(): Promise<void> {
    this.#loop ??= this.#untilOver();
    return this.#loop;
  }

  /**
   * Ends it for good: preStop, the stop signal, and SIGKILL at the end of the grace period. Called again it shortens
   * what is left. Resolves when it is over. @param hooks false: the signal goes out at once
   */
  async stop(graceMs: number, hooks: boolean): Promise<void> {
    this.#graceMs = graceMs;
    this.#stopping.abort();
    this.firstStart.resolve();
    this.#end(graceMs, hooks);
    await this.#loop;
  }

  get hasSucceeded(): boolean {
    return this.isOver && this.last?.exitCode === 0;
  }

  async #untilOver(): Promise<void> {
    const { clock, changed } = this.#services;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedMs = clock.now();
      const exitCode = await this.#once();
      if (exitCode !== null) this.#crashes = crashesInARow(this.#crashes, clock.now() - startedMs);
      if (signal.aborted || (exitCode !== null && !this.#isRestarted(exitCode))) break;
      const delayMs = exitCode === null ? START_RETRY_MS : restartDelaySeconds(this.#crashes) * 1000;
      if (exitCode !== null && delayMs > 0) {
        const message = `ended with ${exitCode}; next start in ${delayMs / 1000} s`;
        this.waiting = { reason: 'CrashLoopBackOff', message };
      }
      changed();
      if (delayMs > 0) await pause(delayMs, clock, signal);
    }
    this.isOver = true;
    this.waiting = null;
    this.firstStart.resolve();
    changed();
  }

  #isRestarted(exitCode: number): boolean {
    const { restartPolicy } = this.#place.pod.spec;
    if (this.role === 'sidecar') return true;
    if (this.role === 'init') return exitCode !== 0 && restartPolicy !== 'Never';
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  /** One run from start to end. @returns its exit code; null if it could not be started */
  async #once(): Promise<number | null> {
    const { now, changed, say } = this.#services;
    this.startedAtMs = now();
    let run: Run;
    try {
      const image = imageOf(this.container.image, this.#services.images);
      const process = await this.#launch(commandOf(this.container, image), image, (line) => this.#took(line));
      run = {
        process,
        image,
        attended: new AbortController(),
        killAtMs: Number.POSITIVE_INFINITY,
        cancelKill: () => {},
      };
    } catch (error) {
      this.waiting = { reason: 'CreateContainerError', message: messageOf(error) };
      say(messageOf(error), true);
      return null;
    }
    if (this.last !== null) this.restarts += 1;
    this.waiting = null;
    this.#run = run;
    this.pid = run.process.pid;
    changed();
    if (this.#stopping.signal.aborted)
      this.#end(this.#graceMs, false); // while it started
    else void this.#attend(run);
    const exitCode = await run.process.ended;
    this.#hasEnded(run, exitCode);
    return exitCode;
  }

  #hasEnded({ attended, cancelKill }: Run, exitCode: number): void {
    attended.abort();
    cancelKill();
    const falls = exitCode !== 0 && this.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    const message = falls ? this.log.tail(MESSAGE_LINES, MESSAGE_CHARACTERS) : '';
    const { startedAtMs, pid } = this;
    this.last = { exitCode, startedAtMs, finishedAtMs: this.#services.now(), message, pid };
    this.#run = null;
    this.pid = 0;
    this.started = false;
    this.ready = false;
  }

  #end(graceMs: number, hooks: boolean): void {
    const run = this.#run;
    if (run === null) return; // it is ended as soon as it is there
    const isFirst = !run.attended.signal.aborted;
    const { clock, changed } = this.#services;
    run.attended.abort();
    run.cancelKill();
    this.ready = false;
    run.killAtMs = Math.min(run.killAtMs, clock.now() + graceMs);
    if (run.killAtMs <= clock.now()) {
      run.process.kill();
      return;
    }
    run.cancelKill = clock.setTimer(() => run.process.kill(), run.killAtMs - clock.now());
    const { preStop } = this.container.lifecycle;
    const signal = () => run.process.signal(run.image.stopSignal);
    if (preStop === undefined || !hooks) signal();
    else if (isFirst) void this.#preStop(preStop, graceMs).then(signal);
    changed();
  }

  async #preStop(deed: Deed, graceMs: number): Promise<void> {
    const fault = await this.#perform(deed, graceMs);
    if (fault !== null) this.#services.say(`preStop failed: ${fault}`, true);
  }

  /** What accompanies a process: postStart, then its probes. */
  async #attend({ attended: { signal } }: Run): Promise<void> {
    const { lifecycle, startupProbe, livenessProbe, readinessProbe } = this.container;
    const { postStart } = lifecycle;
    const graceMs = this.#place.pod.spec.terminationGracePeriodSeconds * 1000;
    const unhealthy = (what: string, why: string): void => {
      this.#services.say(`${what} failed, the container is stopped: ${why}`, true);
      this.#end(graceMs, true);
    };
    const postStartFault = postStart === undefined ? null : await this.#perform(postStart, graceMs);
    if (signal.aborted) return;
    if (postStartFault !== null) return unhealthy('postStart', postStartFault);
    const startFault = startupProbe === undefined ? null : await this.#untilResult(startupProbe, signal, () => true);
    if (signal.aborted) return;
    if (startFault !== null) return unhealthy('startup probe', startFault);
    this.started = true;
    this.#setReady(readinessProbe === undefined);
    this.firstStart.resolve();
    const watchReadiness = (fault: string | null): boolean => {
      this.#setReady(fault === null);
      return false;
    };
    if (readinessProbe !== undefined) void this.#untilResult(readinessProbe, signal, watchReadiness);
    if (livenessProbe === undefined) return;
    const fault = await this.#untilResult(livenessProbe, signal, (why) => why !== null);
    if (!signal.aborted) unhealthy('liveness probe', fault ?? '');
  }

  #setReady(isReady: boolean): void {
    this.ready = isReady;
    this.#services.changed();
  }

  /**
   * Asks a probe's question at its period until a result, as many answers in a row as its thresholds say, is the one
   * that is waited for. @returns null for success, else why not
   */
  async #untilResult(
    probe: Probe,
    signal: AbortSignal,
    isIt: (fault: string | null) => boolean,
  ): Promise<string | null> {
    const { clock } = this.#services;
    let inARow = 0;
    let wasGood: boolean | null = null;
    await pause(probe.initialDelaySeconds * 1000, clock, signal);
    while (!signal.aborted) {
      const fault = await this.#perform(probe, probe.timeoutSeconds * 1000);
      const isGood = fault === null;
      inARow = isGood === wasGood ? inARow + 1 : 1;
      wasGood = isGood;
      const isResult = inARow >= (isGood ? probe.successThreshold : probe.failureThreshold);
      if (signal.aborted || (isResult && isIt(fault))) return fault;
      await pause(probe.periodSeconds * 1000, clock, signal);
    }
    return null;
  }

  /** Does what a probe or hook says within its time. @returns null if it succeeded, else why not */
  async #perform({ exec, httpGet, tcpSocket }: Deed, timeoutMs: number): Promise<string | null> {
    if (exec !== undefined) return this.#execute(exec.command, timeoutMs);
    const { address } = this.#place;
    const named = (httpGet ?? tcpSocket)?.port ?? '';
    const port = portNumber([this.container], named);
    if (port === null) return `container ${this.container.name} has no port named ${named}`;
    const url = `http://${address}:${port}${httpGet?.path ?? ''}`;
    if (httpGet === undefined) {
      return (await this.#services.machine.connect(address, port, timeoutMs)) ? null : `port ${port} is closed`;
    }
    return (await this.#services.machine.get(url, timeoutMs)) ? null : `${url} does not answer with 200`;
  }

  async #execute(command: readonly string[], timeoutMs: number): Promise<string | null> {
    let last = '';
    try {
      const image = imageOf(this.container.image, this.#services.images);
      const process = await this.#launch(command, image, (line) => {
        last = line;
      });
      let isLate = false;
      const cancel = this.#services.clock.setTimer(() => {
        isLate = true;
        process.kill();
      }, timeoutMs);
      const exitCode = await process.ended;
      cancel();
      if (isLate) return `${command.join(' ')} did not end within ${timeoutMs / 1000} s`;
      return exitCode === 0 ? null : `${command.join(' ')} ended with ${exitCode}: ${last}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #launch(words: readonly string[], image: LocalImage, onLine: (line: string) => void): Promise<LocalProcess> {
    const { folder: directory } = this.#place;
    const command = localCommand(words, image, mappingsOf(this.container, image, this.#place));
    const environment = environmentOf(this.container, image, this.#place);
    return this.#services.machine.launch({ command, environment, directory, onLine });
  }

  #took(line: string): void {
    this.log.add(line);
    this.#services.say(line, false);
  }
}
