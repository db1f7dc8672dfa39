import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { ApiError } from '../../runtime/client/api-error.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { type Clock, pause } from '../../runtime/queue/clock.ts';
import { LOCAL_POD, type LocalPod } from '../api/shapes.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { aborted, LocalContainer } from './container.ts';
import type { LocalImages } from './images.ts';
import type { LogLine } from './log.ts';
import type { Machine } from './machine.ts';
import { makeVolumes, type PodPlace, refreshSecret } from './place.ts';

/** A Secret that a pod waits for is looked for this often: it is made within a second of the operator's start. */
const WAIT_MS = 500;

/** Labels that Kubernetes gives every node. */
const NODE_LABELS: Readonly<Record<string, string>> = {
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
};

/** What all pods of a kubelet share. */
export interface PodServices {
  readonly store: ObjectStore;
  readonly network: Pick<LoopbackNetwork, 'podAddress' | 'resolve'>;
  readonly images: LocalImages;
  readonly machine: Machine;
  readonly clock: Clock;
  /** Folders of pods are made in here. */
  readonly folder: string;
  /** PATH and the like, for every container. */
  readonly environment: Readonly<Record<string, string>>;
  readonly print: (line: LogLine) => void;
}

/**
 * Why a pod does not fit on this machine, in the scheduler's words; null: it does. No extended resource (a GPU by its
 * device plugin) is offered here, so that what waits for one falls back as it would in a cluster without.
 */
export function unschedulable({ spec }: LocalPod): string | null {
  const selects = Object.entries(spec.nodeSelector).some(([name, value]) => NODE_LABELS[name] !== value);
  if (selects) return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
  const limits = spec.containers.flatMap(({ resources }) => Object.entries(resources.limits));
  const missing = limits.find(([name, amount]) => name.includes('/') && Number(amount) !== 0);
  return missing === undefined ? null : `0/1 nodes are available: 1 Insufficient ${missing[0]}.`;
}

/** Runs one pod from its creation until nothing of it is left. */
export class PodRun {
  /** Resolves when nothing of the pod is left. */
  readonly done: Promise<void>;
  readonly #services: PodServices;
  readonly #place: PodPlace;
  /** Native sidecars, in the order of the manifest. */
  readonly #sidecars: readonly LocalContainer[];
  readonly #mains: readonly LocalContainer[];
  readonly #ending = new AbortController();
  readonly #hurried = new AbortController();
  readonly #killed = new AbortController();
  readonly #over = new AbortController();
  #graceMs = Number.POSITIVE_INFINITY;
  /** Resolves when the volumes are there, and as they were last asked for. */
  #prepared: Promise<boolean> = Promise.resolve(false);

  /** Begins at once. */
  constructor(pod: LocalPod, services: PodServices) {
    const place = { pod, address: services.network.podAddress(), folder: join(services.folder, pod.metadata.uid) };
    const [hurried, killed, changed] = [this.#hurried.signal, this.#killed.signal, () => this.#changed()];
    const scope = { place, services, hurried, killed, changed };
    this.#services = services;
    this.#place = place;
    this.#sidecars = pod.spec.initContainers.map((container) => new LocalContainer(container, true, scope));
    this.#mains = pod.spec.containers.map((container) => new LocalContainer(container, false, scope));
    this.done = Promise.resolve().then(() => this.#run());
  }

  /** Ends the pod: work first, with hooks, then sidecars in reverse order (KEP-753); again: in less time. */
  delete(graceMs = 1000 * this.#place.pod.spec.terminationGracePeriodSeconds): void {
    this.#killAfter(graceMs);
    this.#ending.abort();
  }

  /** Ends all containers at once and without hooks: nobody waits for the pod, or the machine goes down. */
  kill(graceMs: number): void {
    this.delete(graceMs);
    this.#hurried.abort();
  }

  /** A Secret has changed, perhaps one that the pod mounts. */
  refresh(secret: JsonObject): void {
    const { namespace, name } = metadataOf(secret);
    if (namespace !== this.#place.pod.metadata.namespace) return;
    this.#prepared = this.#prepared.then(async (isPrepared) => {
      if (isPrepared) await this.#rewrite(String(name), secret);
      return isPrepared;
    });
  }

  /** What a container has printed, the first main one if the name is empty; null for one that the pod does not have. */
  log(name: string): string | null {
    const found = this.#containers.find(({ container }) => name === '' || container.name === name);
    return found?.log.text() ?? null;
  }

  get #containers(): readonly LocalContainer[] {
    return [...this.#mains, ...this.#sidecars];
  }

  #killAfter(graceMs: number): void {
    if (graceMs >= this.#graceMs) return;
    this.#graceMs = graceMs;
    if (graceMs <= 0) this.#killed.abort();
    else void pause(graceMs, this.#services.clock, this.#over.signal).then(() => this.#killed.abort());
  }

  async #run(): Promise<void> {
    const { pod, folder } = this.#place;
    this.#apply('object', { annotations: { 'sluice.dev/local-folder': join(folder, 'volumes') } });
    this.#changed();
    const ending = aborted(this.#ending.signal);
    if (unschedulable(pod) === null) this.#prepared = this.#prepare();
    if (await this.#prepared) await Promise.race([this.#work(), ending]);
    await Promise.all(this.#mains.map((main) => main.stop()));
    this.#killAfter(1000 * pod.spec.terminationGracePeriodSeconds);
    for (const sidecar of this.#sidecars.toReversed()) await sidecar.stop();
    this.#over.abort();
    await ending;
    await rm(folder, { recursive: true, force: true }).catch(() => {}); // its parent goes at the end anyway
    const { namespace, name, uid } = pod.metadata;
    attempt(() => this.#services.store.delete(LOCAL_POD, namespace, name, { uid, graceSeconds: 0 }));
  }

  /** Brings the pod's files of a Secret up to date; where that fails they stay as they are, and somebody has to know. */
  async #rewrite(name: string, secret: JsonObject): Promise<void> {
    const { pod, folder } = this.#place;
    try {
      await refreshSecret(pod, join(folder, 'volumes'), name, secret);
    } catch (error) {
      // What ends takes its folder along.
      if (this.#ending.signal.aborted) return;
      const text = `Secret ${name} has changed, and its files cannot be written: ${messageOf(error)}`;
      this.#services.print({ pod: pod.metadata.name, container: '', text });
    }
  }

  /** Makes the volumes, as soon as the Secrets are there. @returns false if the pod ends before */
  async #prepare(): Promise<boolean> {
    const { store, clock } = this.#services;
    const { signal } = this.#ending;
    for (; !signal.aborted; await pause(WAIT_MS, clock, signal)) {
      try {
        await makeVolumes(this.#place.pod, join(this.#place.folder, 'volumes'), store);
        for (const container of this.#containers) container.wait('ContainerCreating', '');
        return !signal.aborted;
      } catch (error) {
        const isWait = error instanceof SluiceError && error.retryable;
        const reason = isWait ? 'ContainerCreating' : 'CreateContainerConfigError';
        for (const container of this.#containers) container.wait(reason, messageOf(error));
      }
    }
    return false;
  }

  /** Each sidecar when the one before has started, then the work itself until it is done. */
  async #work(): Promise<void> {
    for (const sidecar of this.#sidecars) {
      void sidecar.run();
      await sidecar.firstStart.promise;
      if (this.#ending.signal.aborted) return;
    }
    await Promise.all(this.#mains.map((each) => each.run()));
  }

  /** Writes the status as Kubernetes does (core/v1 PodStatus), as far as somebody here reads it. */
  #changed(): void {
    const why = unschedulable(this.#place.pod);
    const scheduled = why === null ? { status: 'True' } : { status: 'False', reason: 'Unschedulable', message: why };
    const isReady = this.#containers.every(({ status }) => status.ready);
    const status = {
      phase: phaseOf(this.#mains),
      conditions: [
        { type: 'PodScheduled', ...scheduled },
        { type: 'Ready', status: isReady ? 'True' : 'False' },
      ],
      podIP: this.#place.address,
      initContainerStatuses: this.#sidecars.map(({ status }) => status),
      containerStatuses: this.#mains.map(({ status }) => status),
    };
    this.#apply('status', {}, { status });
  }

  #apply(part: 'object' | 'status', metadata: object, more: object = {}): void {
    const { name, namespace, uid } = this.#place.pod.metadata;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid, ...metadata }, ...more };
    attempt(() => this.#services.store.apply(LOCAL_POD, part, pod, 'kubelet'));
  }
}

function phaseOf(mains: readonly LocalContainer[]): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (mains.every(({ isOver }) => isOver)) {
    return mains.every(({ status }) => status.lastState?.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const wasStarted = mains.some(({ status }) => status.state?.running ?? status.lastState);
  return wasStarted ? 'Running' : 'Pending';
}

/** A write to a pod that may be gone by now, or have a successor of its name: that one has no use for it. */
function attempt(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}
