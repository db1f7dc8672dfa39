import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { StatusAnswer } from '../../runtime/memory/answer.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { pause } from '../../runtime/queue/clock.ts';
import { LOCAL_POD, type LocalPod } from '../api/shapes.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { type ContainerServices, LocalContainer } from './container.ts';
import type { LogLine } from './log.ts';
import { makeVolumes, type PodPlace } from './place.ts';
import { statusOf } from './status.ts';

/** A Secret that a pod waits for is looked for this often: it is made within a second of the operator's start. */
const WAIT_MS = 500;

/** Labels that Kubernetes gives every node. */
const NODE_LABELS: Readonly<Record<string, string>> = {
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
};

/** What all pods of a kubelet share. */
export type PodServices = Omit<ContainerServices, 'changed' | 'say'> & {
  readonly store: ObjectStore;
  readonly network: Pick<LoopbackNetwork, 'podAddress' | 'resolve'>;
  /** Folders of pods are made in here. */
  readonly folder: string;
  /** PATH and the like, for every container. */
  readonly environment: Readonly<Record<string, string>>;
  readonly print: (line: LogLine) => void;
};

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
  readonly #pod: LocalPod;
  readonly #services: PodServices;
  readonly #place: PodPlace;
  /** Native sidecars first, in the order of the manifest. */
  readonly #containers: readonly LocalContainer[];
  readonly #ending = new AbortController();
  #graceSeconds: number;

  /** Begins at once. */
  constructor(pod: LocalPod, services: PodServices) {
    const { network, environment, print } = services;
    const folder = join(services.folder, pod.metadata.uid);
    this.#pod = pod;
    this.#services = services;
    const address = network.podAddress();
    this.#place = { pod, address, folder, volumes: join(folder, 'volumes'), environment, resolve: network.resolve };
    this.#graceSeconds = pod.spec.terminationGracePeriodSeconds;
    const { initContainers, containers } = pod.spec;
    this.#containers = [...initContainers, ...containers].map((container, place) => {
      const { name } = container;
      return new LocalContainer(container, place < initContainers.length, this.#place, {
        ...services,
        changed: () => this.#changed(),
        say: (text, isNote) => print({ pod: pod.metadata.name, container: name, text, isNote }),
      });
    });
    this.done = Promise.resolve().then(() => this.#run());
  }

  /** Ends the pod as its manifest says: work first, with hooks, then sidecars in reverse order (KEP-753). */
  delete(graceSeconds: number = this.#graceSeconds): void {
    this.#graceSeconds = graceSeconds;
    this.#ending.abort();
  }

  /** Ends all containers at once and without hooks: nobody waits for the pod, or the machine goes down. */
  kill(graceMs: number): void {
    this.#ending.abort();
    for (const container of this.#containers) void container.stop(graceMs, false);
  }

  /** What a container has printed, the first main one if the name is empty; null for one that the pod does not have. */
  log(name: string): string | null {
    const isIt = ({ container, isSidecar }: LocalContainer) => (name === '' ? !isSidecar : container.name === name);
    return this.#containers.find(isIt)?.log.text() ?? null;
  }

  async #run(): Promise<void> {
    const { namespace, name, uid } = this.#pod.metadata;
    const annotations = { 'sluice.dev/local-folder': this.#place.volumes };
    this.#write('object', { metadata: { name, namespace, uid, annotations } });
    this.#changed();
    if (unschedulable(this.#pod) === null && (await this.#prepare())) {
      await Promise.race([this.#work(), this.#ended()]);
    }
    await this.#stop();
    await this.#ended();
    await rm(this.#place.folder, { recursive: true, force: true }).catch(() => {}); // its parent goes at the end anyway
    try {
      this.#services.store.delete(LOCAL_POD, namespace, name, { uid, graceSeconds: 0 });
    } catch {
      // It is gone already, or a successor has its name.
    }
  }

  /** Makes the volumes, as soon as the Secrets are there. @returns false if the pod ends before */
  async #prepare(): Promise<boolean> {
    const { store, clock } = this.#services;
    const { signal } = this.#ending;
    for (; !signal.aborted; await pause(WAIT_MS, clock, signal)) {
      try {
        await makeVolumes(this.#pod, this.#place.volumes, store);
        for (const container of this.#containers) container.waiting = null;
        return !signal.aborted;
      } catch (error) {
        const isWait = error instanceof SluiceError && error.retryable;
        const reason = isWait ? 'ContainerCreating' : 'CreateContainerConfigError';
        for (const container of this.#containers) container.waiting = { reason, message: messageOf(error) };
        this.#changed();
      }
    }
    return false;
  }

  /** Each sidecar when the one before has started, then the work itself until it is done. */
  async #work(): Promise<void> {
    for (const sidecar of this.#containers.filter(({ isSidecar }) => isSidecar)) {
      void sidecar.run();
      await sidecar.firstStart.promise;
      if (this.#ending.signal.aborted) return;
    }
    await Promise.all(this.#containers.filter(({ isSidecar }) => !isSidecar).map((each) => each.run()));
  }

  async #stop(): Promise<void> {
    const stop = (container: LocalContainer) => container.stop(1000 * this.#graceSeconds, true);
    await Promise.all(this.#containers.filter(({ isSidecar }) => !isSidecar).map(stop));
    for (const sidecar of this.#containers.filter(({ isSidecar }) => isSidecar).reverse()) await stop(sidecar);
  }

  async #ended(): Promise<void> {
    if (!this.#ending.signal.aborted) await once(this.#ending.signal, 'abort');
  }

  #changed(): void {
    const { name, namespace, uid } = this.#pod.metadata;
    const status = statusOf({
      containers: this.#containers,
      address: this.#place.address,
      unschedulable: unschedulable(this.#pod),
    });
    this.#write('status', { metadata: { name, namespace, uid }, status });
  }

  /** A pod that is gone by now has no use for it. */
  #write(part: 'object' | 'status', content: object): void {
    try {
      this.#services.store.apply(LOCAL_POD, part, { apiVersion: 'v1', kind: 'Pod', ...content }, 'kubelet');
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error;
    }
  }
}
