import type { V1ContainerStatus } from '@kubernetes/client-node';
import { messageOf } from '@sluice/common/errors/error.ts';
import { pause } from '../../runtime/queue/clock.ts';
import { type Container, type Probe, portNumber } from '../api/shapes.ts';
import { imageOf } from './images.ts';
import { LogBuffer } from './log.ts';
import type { LocalProcess } from './machine.ts';
import { localStart, type PodPlace } from './place.ts';
import type { PodServices } from './pod-run.ts';

/** Back-off of Kubernetes for containers that end: 10 s, doubled up to 300 s; forgotten after ten minutes of running. */
const BACK_OFF_SECONDS = { first: 10, most: 300, forgottenAfter: 600 } as const;
/** Kubernetes' limit for the end of a log as termination message. */
const MESSAGE_CHARACTERS = 2048;

/** Seconds to wait before a restart: none after the first end in a row, then 10, 20, 40 ... 300. */
export function restartDelaySeconds(crashes: number): number {
  if (crashes <= 1) return 0;
  return Math.min(BACK_OFF_SECONDS.first * 2 ** Math.min(crashes - 2, 10), BACK_OFF_SECONDS.most);
}

const STOPPED = { ready: false, started: false, containerID: '' };
const CREATING = { waiting: { reason: 'ContainerCreating', message: '' } };

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
  /** In a pod's status; `containerID` is `local://` and the id of its process, empty while there is none. */
  status: V1ContainerStatus;
  readonly #place: PodPlace;
  readonly #services: PodServices;
  readonly #changed: () => void;
  /** Set by the first stop: it is not started again. */
  readonly #stopping = new AbortController();
  /** The shortest of all stops so far, for a process that was being started meanwhile. */
  #graceMs = Number.POSITIVE_INFINITY;
  #loop: Promise<void> | null = null;
  #run: Run | null = null;

  /** @param changed told of every new status */
  constructor(container: Container, isSidecar: boolean, place: PodPlace, services: PodServices, changed: () => void) {
    this.container = container;
    this.isSidecar = isSidecar;
    this.#place = place;
    this.#services = services;
    this.#changed = changed;
    const { name, image } = container;
    this.status = { name, image, imageID: image, ...STOPPED, restartCount: 0, state: CREATING };
  }

  /** Runs it until it is over: it has ended and its pod's policy does not restart it, or it is stopped. */
  run(): Promise<void> {
    this.#loop ??= this.#untilOver();
    return this.#loop;
  }

  /** Says why it does not run, if that is not the usual wait. */
  wait(reason: string, message: string): void {
    this.#set({ state: { waiting: { reason, message } } });
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

  #set(change: Partial<V1ContainerStatus>): void {
    this.status = { ...this.status, ...change };
    this.#changed();
  }

  #say(text: string, isNote = true): void {
    this.#services.print({ pod: this.#place.pod.metadata.name, container: this.container.name, text, isNote });
  }

  async #untilOver(): Promise<void> {
    const { clock } = this.#services;
    const { signal } = this.#stopping;
    for (let crashes = 0; !signal.aborted; ) {
      const startedMs = clock.now();
      const exitCode = await this.#once();
      if (exitCode !== null && !this.#isRestarted(exitCode)) break;
      const isLong = clock.now() - startedMs >= BACK_OFF_SECONDS.forgottenAfter * 1000;
      crashes = isLong ? 1 : crashes + 1;
      const seconds = restartDelaySeconds(crashes);
      if (seconds === 0) continue;
      if (exitCode !== null) this.wait('CrashLoopBackOff', `ended with ${exitCode}; next start in ${seconds} s`);
      await pause(seconds * 1000, clock, signal);
    }
    this.isOver = true;
    this.firstStart.resolve();
    const { state = CREATING, lastState = state } = this.status;
    this.#set({ state: lastState });
  }

  #isRestarted(exitCode: number): boolean {
    const { restartPolicy } = this.#place.pod.spec;
    return this.isSidecar || restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  /** One run from start to end. @returns its exit code; null if it could not be started */
  async #once(): Promise<number | null> {
    let process: LocalProcess;
    try {
      process = await this.#launch(null, (line) => {
        this.log.add(line);
        this.#say(line, false);
      });
    } catch (error) {
      this.#say(messageOf(error));
      this.wait('CreateContainerError', messageOf(error));
      return null;
    }
    const run: Run = { process, leaving: new AbortController(), over: new AbortController() };
    this.#run = run;
    const restartCount = this.status.restartCount + (this.status.lastState === undefined ? 0 : 1);
    this.#set({ containerID: `local://${process.pid}`, restartCount, state: { running: {} } });
    if (this.#stopping.signal.aborted) this.#end(run, this.#graceMs, false);
    else void this.#attend(run);
    const exitCode = await process.ended;
    this.#run = null;
    run.leaving.abort();
    run.over.abort();
    const tells = exitCode !== 0 && this.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    const message = tells ? this.log.text().trimEnd().slice(-MESSAGE_CHARACTERS) : '';
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message };
    this.#set({ ...STOPPED, state: { terminated }, lastState: { terminated } });
    return exitCode;
  }

  #end({ process, leaving, over }: Run, graceMs: number, hooks: boolean): void {
    const isFirst = !leaving.signal.aborted;
    leaving.abort();
    this.#set({ ready: false });
    if (graceMs <= 0) return void process.kill();
    void pause(graceMs, this.#services.clock, over.signal).then(() => process.kill());
    const signal = () => process.signal(imageOf(this.container.image, this.#services.images).stopSignal);
    const { preStop } = this.container.lifecycle;
    if (preStop === undefined || !hooks) signal();
    else if (isFirst) void this.#preStop(preStop.exec.command, graceMs, over.signal).then(signal);
  }

  /** Runs a hook within its time, and not longer than its container. */
  async #preStop(command: readonly string[], graceMs: number, containerOver: AbortSignal): Promise<void> {
    try {
      let last = '';
      const hook = await this.#launch(command, (line) => {
        last = line;
      });
      void pause(graceMs, this.#services.clock, containerOver).then(() => hook.kill());
      const exitCode = await hook.ended;
      if (exitCode !== 0) this.#say(`preStop: ${command.join(' ')} ended with ${exitCode}: ${last}`);
    } catch (error) {
      this.#say(`preStop: ${messageOf(error)}`);
    }
  }

  /** Asks the probes of a process that runs. */
  async #attend(run: Run): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.container;
    const { signal } = run.leaving;
    const isHealthy = (what: string, fault: unknown): boolean => {
      if (typeof fault !== 'string') return true;
      this.#say(`${what} probe failed, the container is stopped: ${fault}`);
      this.#end(run, this.#place.pod.spec.terminationGracePeriodSeconds * 1000, true);
      return false;
    };
    if (startupProbe !== undefined) {
      const { value: fault } = await this.#results(startupProbe, signal).next();
      if (signal.aborted || !isHealthy('startup', fault)) return;
    }
    this.#set({ started: true, ready: readinessProbe === undefined });
    this.firstStart.resolve();
    const follow = async (probe: Probe | undefined, take: (fault: string | null) => boolean): Promise<void> => {
      if (probe !== undefined) for await (const fault of this.#results(probe, signal)) if (!take(fault)) return;
    };
    void follow(livenessProbe, (fault) => isHealthy('liveness', fault));
    void follow(readinessProbe, (fault) => {
      this.#set({ ready: fault === null });
      return true;
    });
  }

  /** Answers to a probe as they count: null for a success, why for as many failures in a row as its threshold says. */
  async *#results(probe: Probe, signal: AbortSignal): AsyncGenerator<string | null, void> {
    const { clock, machine } = this.#services;
    const { httpGet, timeoutSeconds, failureThreshold } = probe;
    const url = `http://${this.#place.address}:${portNumber([this.container], httpGet.port)}${httpGet.path}`;
    await pause(probe.initialDelaySeconds * 1000, clock, signal);
    for (let failures = 0; !signal.aborted; await pause(probe.periodSeconds * 1000, clock, signal)) {
      failures = (await machine.get(url, timeoutSeconds * 1000)) ? 0 : failures + 1;
      if (signal.aborted) return;
      if (failures === 0) yield null;
      else if (failures >= failureThreshold) yield `${url} does not answer with 200`;
    }
  }

  /** Starts a command, or the container's own. @throws SluiceError IMAGE_UNKNOWN, PROGRAM_MISSING, CONFIG_INVALID */
  #launch(hook: readonly string[] | null, onLine: (line: string) => void): Promise<LocalProcess> {
    const image = imageOf(this.container.image, this.#services.images);
    const { command, args } = this.container;
    const words = hook ?? [...(command.length > 0 ? command : image.entrypoint), ...args];
    const start = localStart(words, this.container, image, this.#place, this.#services);
    return this.#services.machine.launch({ ...start, onLine });
  }
}
