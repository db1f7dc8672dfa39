import { once } from 'node:events';
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
  return crashes <= 1 ? 0 : Math.min(BACK_OFF_SECONDS.first * 2 ** (crashes - 2), BACK_OFF_SECONDS.most);
}

/** Resolves with the first of these to abort. */
export async function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (!any.aborted) await once(any, 'abort');
}

const STOPPED = { ready: false, started: false, containerID: '' };
const CREATING = { waiting: { reason: 'ContainerCreating', message: '' } };

/** What the containers of a pod share. */
export interface PodScope {
  readonly place: PodPlace;
  readonly services: PodServices;
  /** Everything has to leave now, without hooks. */
  readonly hurried: AbortSignal;
  /** The time of grace is over. */
  readonly killed: AbortSignal;
  /** Told of every new status. */
  readonly changed: () => void;
}

/** One container of a pod, over all its restarts. */
export class LocalContainer {
  readonly container: Container;
  readonly log = new LogBuffer();
  /** Resolves when its startup probe has succeeded for the first time, or it will not start any more. */
  readonly firstStart = Promise.withResolvers<void>();
  /** Whether it has ended and will not be started again. */
  isOver = false;
  /** In a pod's status; `containerID` is `local://` and the id of its process, empty while there is none. */
  status: V1ContainerStatus;
  readonly #scope: PodScope;
  readonly #restartPolicy: 'Always' | 'OnFailure' | 'Never';
  readonly #stopping = new AbortController();
  /** It has to end for good. */
  readonly #leaving: AbortSignal;
  #loop: Promise<void> | null = null;

  /** @param isSidecar a native sidecar: it runs before, beside and after the work, and is always restarted */
  constructor(container: Container, isSidecar: boolean, scope: PodScope) {
    this.container = container;
    this.#scope = scope;
    this.#restartPolicy = isSidecar ? 'Always' : scope.place.pod.spec.restartPolicy;
    this.#leaving = AbortSignal.any([this.#stopping.signal, scope.hurried]);
    const { name, image } = container;
    this.status = { name, image, imageID: image, ...STOPPED, restartCount: 0, state: CREATING };
  }

  /** Runs it until it is over: it has ended and its pod's policy does not restart it, or it is stopped. */
  run(): Promise<void> {
    this.#loop ??= this.#untilOver();
    return this.#loop;
  }

  /** Ends it for good: preStop, then the stop signal, SIGKILL when the pod's grace is over. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Says why it does not run, if that is not the usual wait. */
  wait(reason: string, message: string): void {
    this.#set({ state: { waiting: { reason, message } } });
  }

  #set(change: Partial<V1ContainerStatus>): void {
    this.status = { ...this.status, ...change };
    this.#scope.changed();
  }

  #say(text: string): void {
    const { place, services } = this.#scope;
    services.print({ pod: place.pod.metadata.name, container: this.container.name, text });
  }

  async #untilOver(): Promise<void> {
    const { clock } = this.#scope.services;
    void aborted(this.#leaving).then(this.firstStart.resolve);
    for (let crashes = 0; !this.#leaving.aborted; ) {
      const startedMs = clock.now();
      const exitCode = await this.#once();
      const isEnough = this.#restartPolicy === 'Never' || (this.#restartPolicy === 'OnFailure' && exitCode === 0);
      if (exitCode !== null && isEnough) break;
      const isLong = clock.now() - startedMs >= BACK_OFF_SECONDS.forgottenAfter * 1000;
      crashes = isLong ? 1 : crashes + 1;
      const seconds = restartDelaySeconds(crashes);
      if (seconds === 0) continue;
      if (exitCode !== null) this.wait('CrashLoopBackOff', `ended with ${exitCode}; next start in ${seconds} s`);
      await pause(seconds * 1000, clock, this.#leaving);
    }
    this.isOver = true;
    this.firstStart.resolve();
    const { state = CREATING, lastState = state } = this.status;
    this.#set({ state: lastState });
  }

  /** One run from start to end. @returns its exit code; null if it could not be started */
  async #once(): Promise<number | null> {
    let process: LocalProcess;
    try {
      process = await this.#launch(null, (line) => {
        this.log.add(line);
        this.#say(line);
      });
    } catch (error) {
      this.#say(messageOf(error));
      this.wait('CreateContainerError', messageOf(error));
      return null;
    }
    const over = new AbortController();
    const restartCount = this.status.restartCount + (this.status.lastState === undefined ? 0 : 1);
    this.#set({ containerID: `local://${process.pid}`, restartCount, state: { running: {} } });
    void this.#attend(process, over.signal);
    const exitCode = await process.ended;
    over.abort();
    const tells = exitCode !== 0 && this.container.terminationMessagePolicy === 'FallbackToLogsOnError';
    const message = tells ? this.log.text().trimEnd().slice(-MESSAGE_CHARACTERS) : '';
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message };
    this.#set({ ...STOPPED, state: { terminated }, lastState: { terminated } });
    return exitCode;
  }

  /** Asks the probes of a process that runs, until it has to leave; then has it leave. */
  async #attend(process: LocalProcess, over: AbortSignal): Promise<void> {
    const { services, place, hurried, killed } = this.#scope;
    const unhealthy = new AbortController();
    const leaving = AbortSignal.any([this.#leaving, unhealthy.signal, over]);
    void this.#probe(unhealthy, leaving);
    await aborted(leaving);
    if (over.aborted) return;
    this.#set({ ready: false });
    if (killed.aborted) return process.kill();
    void aborted(killed, over).then(() => process.kill());
    if (unhealthy.signal.aborted) {
      void pause(place.pod.spec.terminationGracePeriodSeconds * 1000, services.clock, over).then(() => process.kill());
    }
    const { preStop } = this.container.lifecycle;
    if (preStop !== undefined && !hurried.aborted) {
      await this.#preStop(preStop.exec.command, AbortSignal.any([hurried, killed, over]));
    }
    if (!killed.aborted) process.signal(imageOf(this.container.image, services.images).stopSignal);
  }

  /** Runs a hook, not longer than until the signal. */
  async #preStop(command: readonly string[], end: AbortSignal): Promise<void> {
    try {
      let last = '';
      const hook = await this.#launch(command, (line) => {
        last = line;
      });
      void aborted(end).then(() => hook.kill());
      const exitCode = await hook.ended;
      if (exitCode !== 0) this.#say(`preStop: ${command.join(' ')} ended with ${exitCode}: ${last}`);
    } catch (error) {
      this.#say(`preStop: ${messageOf(error)}`);
    }
  }

  async #probe(unhealthy: AbortController, leaving: AbortSignal): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.container;
    const must = (isHealthy: boolean, what: string): void => {
      if (isHealthy) return;
      this.#say(`${what} probe failed, the container is stopped`);
      unhealthy.abort();
    };
    for await (const isHealthy of this.#answers(startupProbe, leaving)) {
      must(isHealthy, 'startup');
      break;
    }
    if (leaving.aborted) return;
    this.#set({ started: true, ready: readinessProbe === undefined });
    this.firstStart.resolve();
    const follow = async (probe: Probe | undefined, take: (isHealthy: boolean) => void): Promise<void> => {
      for await (const isHealthy of this.#answers(probe, leaving)) take(isHealthy);
    };
    void follow(livenessProbe, (isHealthy) => must(isHealthy, 'liveness'));
    void follow(readinessProbe, (ready) => this.#set({ ready }));
  }

  /** The answers to a probe, if there is one: each success, and each failure with as many before it as its threshold says. */
  async *#answers(probe: Probe | undefined, end: AbortSignal): AsyncGenerator<boolean, void> {
    if (probe === undefined) return;
    const { place, services } = this.#scope;
    const { path, port } = probe.httpGet;
    const url = `http://${place.address}:${portNumber([this.container], port)}${path}`;
    await pause(probe.initialDelaySeconds * 1000, services.clock, end);
    for (let failures = 0; !end.aborted; await pause(probe.periodSeconds * 1000, services.clock, end)) {
      failures = (await services.machine.get(url, probe.timeoutSeconds * 1000)) ? 0 : failures + 1;
      if (!end.aborted && (failures === 0 || failures >= probe.failureThreshold)) yield failures === 0;
    }
  }

  /** Starts a command, or the container's own. @throws SluiceError IMAGE_UNKNOWN, PROGRAM_MISSING, CONFIG_INVALID */
  #launch(hook: readonly string[] | null, onLine: (line: string) => void): Promise<LocalProcess> {
    const { services, place } = this.#scope;
    const image = imageOf(this.container.image, services.images);
    const { command, args } = this.container;
    const words = hook ?? [...(command.length > 0 ? command : image.entrypoint), ...args];
    return services.machine.launch({ ...localStart(words, this.container, image, place, services), onLine });
  }
}
