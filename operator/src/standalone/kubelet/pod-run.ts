import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { StatusAnswer } from '../../runtime/memory/answer.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { pause } from '../../runtime/queue/clock.ts';
import { type Container, LOCAL_POD, type LocalPod } from '../api/shapes.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { type ContainerServices, LocalContainer, type Role } from './container.ts';
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
  const limits = [...spec.initContainers, ...spec.containers].flatMap(({ resources }) =>
    Object.entries(resources.limits),
  );
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
  readonly #containers: readonly LocalContainer[];
  readonly #ending = new AbortController();
  readonly #startedAtMs: number;
  readonly #unschedulable: string | null;
  #obstacle: { reason: string; message: string } | null = null;
  #isTold = true;

  /** Begins at once. */
  constructor(pod: LocalPod, services: PodServices) {
    const { network, environment } = services;
    const folder = join(services.folder, pod.metadata.uid);
    const address = network.podAddress();
    const volumes = join(folder, 'volumes');
    this.#pod = pod;
    this.#services = services;
    this.#place = { pod, address, folder, volumes, environment, resolve: network.resolve };
    this.#startedAtMs = services.now();
    this.#unschedulable = unschedulable(pod);
    this.#containers = [
      ...pod.spec.initContainers.map((each) => this.#local(each, each.restartPolicy === 'Always' ? 'sidecar' : 'init')),
      ...pod.spec.containers.map((each) => this.#local(each, 'main')),
    ];
    this.done = Promise.resolve().then(() => this.#run());
  }

  /** Ends the pod as its manifest says: work first, with hooks, then sidecars in reverse order (KEP-753). */
  delete(): void {
    this.#ending.abort();
  }

  /** Ends all containers at once and without hooks: nobody waits for the pod, or the machine goes down. */
  kill(graceMs: number): void {
    this.#ending.abort();
    for (const container of this.#containers) void container.stop(graceMs, false);
  }

  /** What a container has printed, the first main one if the name is empty; null for one that the pod does not have. */
  log(name: string): string | null {
    const isIt = ({ container, role }: LocalContainer) => (name === '' ? role === 'main' : container.name === name);
    return this.#containers.find(isIt)?.log.text() ?? null;
  }

  async #run(): Promise<void> {
    const { store } = this.#services;
    const { namespace, name, uid } = this.#pod.metadata;
    const annotations = { 'sluice.dev/local-folder': this.#place.volumes };
    this.#write('object', { metadata: { annotations } });
    this.#changed();
    if (this.#unschedulable === null && (await this.#prepare())) {
      await Promise.race([this.#work(), this.#ended()]);
    }
    await this.#stop();
    await this.#ended();
    await rm(this.#place.folder, { recursive: true, force: true }).catch(() => {}); // its parent goes at the end anyway
    try {
      store.delete(LOCAL_POD, namespace, name, uid, 0);
    } catch {
      // It is gone already, or a successor has its name.
    }
  }

  /** Makes the volumes, as soon as the Secrets are there. @returns false if the pod ends before */
  async #prepare(): Promise<boolean> {
    const { store, clock } = this.#services;
    while (!this.#ending.signal.aborted) {
      try {
        await makeVolumes(this.#pod, this.#place.volumes, store);
        this.#obstacle = null;
        return !this.#ending.signal.aborted;
      } catch (error) {
        const isWait = error instanceof SluiceError && error.retryable;
        const reason = isWait ? 'ContainerCreating' : 'CreateContainerConfigError';
        this.#obstacle = { reason, message: messageOf(error) };
      }
      this.#changed();
      await pause(WAIT_MS, clock, this.#ending.signal);
    }
    return false;
  }

  /** Init containers one after the other, each sidecar from its turn on, then the work itself until it is done. */
  async #work(): Promise<void> {
    for (const container of this.#containers.filter(({ role }) => role !== 'main')) {
      const run = container.run();
      await (container.role === 'sidecar' ? container.firstStart.promise : run);
      if (this.#ending.signal.aborted || (container.isOver && !container.hasSucceeded)) return;
    }
    await Promise.all(this.#containers.filter(({ role }) => role === 'main').map((each) => each.run()));
  }

  async #stop(): Promise<void> {
    const { terminationGracePeriodSeconds } = this.#pod.spec;
    const stop = async (containers: readonly LocalContainer[]): Promise<void> => {
      const { deletionGracePeriodSeconds } = this.#current().metadata;
      const graceMs = 1000 * (deletionGracePeriodSeconds ?? terminationGracePeriodSeconds);
      await Promise.all(containers.map((each) => each.stop(graceMs, true)));
    };
    await stop(this.#containers.filter(({ role }) => role !== 'sidecar'));
    for (const sidecar of this.#containers.filter(({ role }) => role === 'sidecar').reverse()) await stop([sidecar]);
  }

  #ended(): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
  }

  /** The object as it is now; as it was at the beginning if it is gone. */
  #current(): LocalPod {
    const { namespace, name, uid } = this.#pod.metadata;
    try {
      const now = LOCAL_POD.parse(this.#services.store.get(LOCAL_POD, namespace, name));
      return now.metadata.uid === uid ? now : this.#pod;
    } catch {
      return this.#pod;
    }
  }

  /** Changes that belong together are told together: a container that ends resets several things. */
  #changed(): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    queueMicrotask(() => {
      this.#isTold = true;
      this.#write('status', { status: this.#status() });
    });
  }

  #status(): object {
    return statusOf({
      pod: this.#current(),
      containers: this.#containers,
      address: this.#place.address,
      startedAtMs: this.#startedAtMs,
      nowMs: this.#services.now(),
      obstacle: this.#obstacle,
      unschedulable: this.#unschedulable,
    });
  }

  /** A pod that is gone by now has no use for it. */
  #write(part: 'object' | 'status', content: JsonObject): void {
    const { name, namespace, uid } = this.#pod.metadata;
    const metadata = { ...(content.metadata as object), name, namespace, uid };
    const object = { apiVersion: 'v1', kind: 'Pod', ...content, metadata };
    try {
      this.#services.store.apply(LOCAL_POD, part, object, 'kubelet');
    } catch (error) {
      if (!(error instanceof StatusAnswer)) throw error;
    }
  }

  #local(container: Container, role: Role): LocalContainer {
    const { print } = this.#services;
    const pod = this.#pod.metadata.name;
    return new LocalContainer(container, role, this.#place, {
      ...this.#services,
      changed: () => this.#changed(),
      say: (text, isNote) => print({ pod, container: container.name, text, isNote }),
    });
  }
}
