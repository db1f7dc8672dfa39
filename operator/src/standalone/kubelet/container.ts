import { messageOf } from '@sluice/common/errors/error.ts';
import { type Clock, pause } from '../../runtime/queue/clock.ts';
import { type Container, type Probe, portNumber } from '../api/shapes.ts';
import { LogBuffer } from './log.ts';
import type { LocalProcess, Machine } from './machine.ts';
import { commandOf, imageOf, type LocalImage, type LocalImages, localStart, type PodPlace } from './place.ts';

/** What a container works with. */
export interface ContainerServices {
  readonly machine: Machine;
  readonly images: LocalImages;
  readonly clock: Clock;
  /** Something that the pod's status depends on has changed. */
  readonly changed: () => void;
  /** A line for people. @param isNote said of the container, not by it */
  readonly say: (text: string, isNote: boolean) => void;
}

/** Back-off of Kubernetes for containers that end: 10 s, doubled up to 300 s; forgotten after ten minutes of running. */
const BACK_OFF_SECONDS = { first: 10, most: 300, forgottenAfter: 600 } as const;
/** A container that cannot be started (a program is missing) is tried again after this. */
const START_RETRY_MS = 10_000;
/** Kubernetes' limits for the end of a log as termination message. */
const MESSAGE = { lines: 80, characters: 2048 } as const;

/** Seconds to wait before a restart: none after the first end in a row, then 10, 20, 40 ... 300. */
export function restartDelaySeconds(crashes: number): number {
  if (crashes <= 1) return 0;
  return Math.min(BACK_OFF_SECONDS.first * 2 ** Math.min(crashes - 2, 10), BACK_OFF_SECONDS.most);
}

/** One process of a container that runs. */
interface Run {
  readonly process: LocalProcess;
  /** Begins to leave when it is stopped: its probes end then. */
  readonly leaving: AbortController;
  readonly over: AbortController;
}

/** One container of a pod, over all its restarts. */
export class LocalContainer {
  readonly container: Container;
  /** A native sidecar: it runs before, beside and after the work, and is always restarted. */
  readonly isSidecar: boolean;
  readonly log = new LogBuffer();
  /** Resolves when its startup probe has succeeded for the first time, or it will not start any more. */
  readonly firstStart = Promise.withResolvers<void>();
  /** Whether it has ended and will not be started again. */
  isOver = false;
  started = false;
  ready = false;
  restarts = 0;
  /** 0: no process. */
  pid = 0;
  /** Why it does not run, if that is not the usual wait. */
  waiting: { readonly reason: string; readonly message: string } | null = null;
  /** How it has ended the last time; the message is the end of its log where the manifest asks for that. */
  last: { readonly exitCode: number; readonly message: string } | null = null;
  readonly #place: PodPlace;
  readonly #services: ContainerServices;
  /** Set by the first stop: it is not started again. */
  readonly #stopping = new AbortController();
  /** The shortest of all stops so far, for a process that was being started meanwhile. */
  #graceMs = Number.POSITIVE_INFINITY;
  #loop: Promise<void> | null = null;
  #run: Run | null = null;

  constructor(container: Container, isSidecar: boolean, place: PodPlace, services: ContainerServices) {
    this.container = container;
    this.isSidecar = isSidecar;
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
    this.#graceMs = Math.min(this.#graceMs, graceMs);
    this.#stopping.abort();
    this.firstStart.resolve();
    if (this.#run !== null) this.#end(this.#run, graceMs, hooks);
    await this.#loop;
  }

  async #untilOver(): Promise<void> {
    const { clock, changed } = this.#services;
    const { signal } = this.#stopping;
    for (let crashes = 0; !signal.aborted; ) {
      const startedMs = clock.now();
      const exitCode = await this.#once();
      let delayMs = START_RETRY_MS;
      if (exitCode !== null) {
        if (!this.#isRestarted(exitCode)) break;
        const isLong = clock.now() - startedMs >= BACK_OFF_SECONDS.forgottenAfter * 1000;
        crashes = isLong ? 1 : crashes + 1;
        delayMs = restartDelaySeconds(crashes) * 1000;
        const message = `ended with ${exitCode}; next start in ${delayMs / 1000} s`;
        if (delayMs > 0) this.waiting = { reason: 'CrashLoopBackOff', message };
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
    return this.isSidecar || restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  /** One run from start to end. @returns its exit code; null if it could not be started */
  async #once(): Promise<number | null> {
    const { changed, say } = this.#services;
    let process: LocalProcess;
    try {
      process = await this.#launch(commandOf(this.container, this.#image()), (line) => {
        this.log.add(line);
        say(line, false);
      });
    } catch (error) {
      this.waiting = { reason: 'CreateContainerError', message: messageOf(error) };
      say(messageOf(error), true);
      return null;
    }
    if (this.last !== null) this.restarts += 1;
    const run: Run = { process, leaving: new AbortController(), over: new AbortController() };
    this.#run = run;
    this.pid = process.pid;
    this.waiting = null;
    changed();
    if (this.#stopping.signal.aborted) this.#end(run, this.#graceMs, false);
    else void this.#attend(run);
    const exitCode = await process.ended;
    this.#hasEnded(run, exitCode);
    return exitCode;
  }

  #hasEnded({ leaving, over }: Run, exitCode: number): void {
    leaving.abort();
    over.abort();
    const tells = exitCode !== 0 && this.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    this.last = { exitCode, message: tells ? this.log.tail(MESSAGE.lines, MESSAGE.characters) : '' };
    this.#run = null;
    this.pid = 0;
    this.started = false;
    this.ready = false;
  }

  #end({ process, leaving, over }: Run, graceMs: number, hooks: boolean): void {
    const { clock, changed, say } = this.#services;
    const isFirst = !leaving.signal.aborted;
    leaving.abort();
    this.ready = false;
    if (graceMs <= 0) {
      process.kill();
      return;
    }
    void pause(graceMs, clock, over.signal).then(() => {
      if (!over.signal.aborted) process.kill();
    });
    const signal = () => process.signal(this.#image().stopSignal);
    const { preStop } = this.container.lifecycle;
    if (preStop === undefined || !hooks) signal();
    else if (isFirst) {
      void this.#execute(preStop.exec.command, graceMs, over.signal).then((fault) => {
        if (fault !== null) say(`preStop failed: ${fault}`, true);
        signal();
      });
    }
    changed();
  }

  /** Asks the probes of a process that runs. */
  async #attend(run: Run): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.container;
    const { signal } = run.leaving;
    const unhealthy = (what: string, why: string): void => {
      this.#services.say(`${what} probe failed, the container is stopped: ${why}`, true);
      this.#end(run, this.#place.pod.spec.terminationGracePeriodSeconds * 1000, true);
    };
    if (startupProbe !== undefined) {
      const { value: fault } = await this.#results(startupProbe, signal).next();
      if (signal.aborted) return;
      if (typeof fault === 'string') return unhealthy('startup', fault);
    }
    this.started = true;
    this.#setReady(readinessProbe === undefined);
    this.firstStart.resolve();
    if (readinessProbe !== undefined) void this.#followReadiness(readinessProbe, signal);
    if (livenessProbe === undefined) return;
    for await (const fault of this.#results(livenessProbe, signal)) {
      if (fault !== null) return unhealthy('liveness', fault);
    }
  }

  async #followReadiness(probe: Probe, signal: AbortSignal): Promise<void> {
    for await (const fault of this.#results(probe, signal)) this.#setReady(fault === null);
  }

  #setReady(isReady: boolean): void {
    this.ready = isReady;
    this.#services.changed();
  }

  /** Answers to a probe as they count: null for a success, why for as many failures in a row as its threshold says. */
  async *#results(probe: Probe, signal: AbortSignal): AsyncGenerator<string | null, void> {
    const { clock } = this.#services;
    await pause(probe.initialDelaySeconds * 1000, clock, signal);
    for (let failures = 0; !signal.aborted; await pause(probe.periodSeconds * 1000, clock, signal)) {
      const fault = await this.#ask(probe);
      if (signal.aborted) return;
      failures = fault === null ? 0 : failures + 1;
      if (fault === null || failures >= probe.failureThreshold) yield fault;
    }
  }

  /** @returns null if the answer is good, else why not */
  async #ask({ httpGet, timeoutSeconds }: Probe): Promise<string | null> {
    const port = portNumber([this.container], httpGet.port);
    if (port === null) return `container ${this.container.name} has no port named ${httpGet.port}`;
    const url = `http://${this.#place.address}:${port}${httpGet.path}`;
    const isGood = await this.#services.machine.get(url, timeoutSeconds * 1000);
    return isGood ? null : `${url} does not answer with 200`;
  }

  /** Runs a hook within its time, and not longer than its container. @returns null if it succeeded, else why not */
  async #execute(command: readonly string[], timeoutMs: number, containerOver: AbortSignal): Promise<string | null> {
    const over = new AbortController();
    try {
      let last = '';
      const process = await this.#launch(command, (line) => {
        last = line;
      });
      const late = pause(timeoutMs, this.#services.clock, AbortSignal.any([over.signal, containerOver])).then(() => {
        if (!over.signal.aborted) process.kill();
      });
      const exitCode = await process.ended;
      over.abort();
      await late;
      return exitCode === 0 ? null : `${command.join(' ')} ended with ${exitCode}: ${last}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  #launch(words: readonly string[], onLine: (line: string) => void): Promise<LocalProcess> {
    const start = localStart(words, this.container, this.#image(), this.#place);
    return this.#services.machine.launch({ ...start, onLine });
  }

  /** @throws SluiceError IMAGE_UNKNOWN */
  #image(): LocalImage {
    return imageOf(this.container.image, this.#services.images);
  }
}
