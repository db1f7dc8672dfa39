import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { Client } from '../../runtime/client/client.ts';
import { isTypedError } from '../../runtime/errors/error.ts';
import type { Clock } from '../../runtime/queue/clock.ts';
import type { LoopbackNetwork } from '../network/network.ts';
import { ContainerSlot } from './container-slot.ts';
import { decide, type PodView, phaseOf, type Role } from './decide.ts';
import { environmentOf } from './environment.ts';
import type { HandlerContext } from './handlers.ts';
import { imageOf, type LocalImages } from './images.ts';
import type { Machine } from './machine.ts';
import type { Container, LocalPod } from './pod.ts';
import { NODE_NAME, nodeLabels, unschedulable } from './schedule.ts';
import { statusOf } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import { makeVolumes, mountMappings, type PodSecrets, readSecrets } from './volumes.ts';

/** A Secret that a pod waits for is looked for this often: it is made within a second of the operator's start. */
const WAIT_MS = 500;

/** What a container prints, with where it comes from. */
export interface LogLine {
  readonly pod: string;
  readonly container: string;
  readonly text: string;
  /** What the kubelet says of the container, not the container itself. */
  readonly isNote: boolean;
}

/** What all pods of a kubelet share. */
export interface PodServices {
  readonly client: Client;
  readonly network: LoopbackNetwork;
  readonly images: LocalImages;
  readonly machine: Machine;
  /** Folders of pods are made in here. */
  readonly folder: string;
  /** PATH and the like, for every container. */
  readonly environment: Readonly<Record<string, string>>;
  readonly print: (line: LogLine) => void;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Variables that tell a program of one pod where to listen: on this machine all pods share every other address. */
function networkVariables(podIp: string): Readonly<Record<string, string>> {
  return { SLUICE_BIND_ADDRESS: podIp };
}

/** Runs one pod from its creation until nothing of it is left. */
export class PodWorker {
  /** Resolves when the pod is gone. */
  readonly done: Promise<void>;
  readonly #services: PodServices;
  readonly #slots: readonly ContainerSlot[];
  readonly #address: string;
  readonly #folder: string;
  readonly #finished = Promise.withResolvers<void>();
  readonly #startedAtMs: number;
  readonly #unschedulable: string | null;
  readonly #writer: StatusWriter;
  #pod: LocalPod;
  #secrets: PodSecrets | null = null;
  #obstacle: { reason: string; message: string } | null = null;
  #initialized = false;
  #ending = false;
  /** Whether the object still wants a status and a confirmation. */
  #object: 'exists' | 'gone' = 'exists';
  #cancelWake: (() => void) | null = null;
  #isTurning = false;
  /** Nothing of it is left, or will be soon: its address may be another pod's by now. */
  #isRemoved = false;

  constructor(pod: LocalPod, services: PodServices) {
    this.#pod = pod;
    this.#services = services;
    this.#address = services.network.takePodAddress();
    this.#folder = join(services.folder, pod.metadata.uid);
    this.#startedAtMs = services.now();
    this.#unschedulable = unschedulable(pod, nodeLabels(process.arch));
    this.done = this.#finished.promise;
    this.#slots = slotsOf(pod, (container, role) => this.#slot(container, role));
    this.#writer = new StatusWriter(pod.metadata, services);
  }

  /** Begins. */
  async start(): Promise<void> {
    await this.#writer.annotate({ 'sluice.dev/local-folder': this.#volumes });
    this.update(this.#pod);
    await this.#prepare();
  }

  /** Takes a new version of the object. */
  update(pod: LocalPod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#ending = true;
    this.#turn();
  }

  /** The object is gone without waiting for the kubelet: everything of it is killed. */
  gone(): void {
    this.end(0, 'gone');
  }

  /** Ends the pod within `graceMs`, all containers at once and without hooks: the machine goes down, not the pod. */
  end(graceMs: number, object: 'exists' | 'gone'): void {
    this.#object = object;
    this.#ending = true;
    for (const slot of this.#slots) slot.stop(graceMs, false);
    this.#turn();
  }

  /** What a container has printed, the first main one if the name is empty; null for one that the pod does not have. */
  log(name: string): string | null {
    const isIt = ({ container, role }: ContainerSlot) => (name === '' ? role === 'main' : container.name === name);
    return this.#slots.find(isIt)?.log.text() ?? null;
  }

  get #volumes(): string {
    return join(this.#folder, 'volumes');
  }

  /** Makes the volumes, as soon as the Secrets are there. */
  async #prepare(): Promise<void> {
    const { clock, client } = this.#services;
    if (this.#ending || this.#unschedulable !== null) return;
    try {
      const secrets = await readSecrets(this.#pod, client);
      await mkdir(this.#folder, { recursive: true, mode: 0o711 });
      await makeVolumes(this.#pod, this.#volumes, secrets);
      this.#secrets = secrets;
      this.#obstacle = null;
    } catch (error) {
      const retryable = isTypedError(error) && error.retryable;
      this.#obstacle = {
        reason: retryable ? 'ContainerCreating' : 'CreateContainerConfigError',
        message: messageOf(error),
      };
      clock.setTimer(() => void this.#prepare(), WAIT_MS);
    }
    this.#turn();
  }

  /** Decides and acts; every change leads here. */
  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    // After the changes that belong together: a container that ends resets several things.
    queueMicrotask(() => {
      this.#isTurning = false;
      this.#act();
    });
  }

  #act(): void {
    if (this.#isRemoved) return;
    const { clock } = this.#services;
    this.#cancelWake?.();
    this.#cancelWake = null;
    const view = this.#view();
    const { actions, wakeAtMs } = decide(view);
    for (const action of actions) {
      if (action.type === 'remove') {
        this.#isRemoved = true;
        void this.#remove();
        return;
      }
      const slot = this.#slots.find(({ container }) => container.name === action.name);
      if (action.type === 'stop') slot?.stop(this.#graceMs(), true);
      else if (this.#secrets !== null) void slot?.start(() => this.#context(slot.container));
    }
    if (wakeAtMs !== null) this.#cancelWake = clock.setTimer(() => this.#turn(), Math.max(0, wakeAtMs - view.nowMs));
    this.#writeStatus();
  }

  #view(): PodView {
    this.#initialized ||= this.#slots.some(({ role, pid, last }) => role === 'main' && (pid !== 0 || last !== null));
    return {
      nowMs: this.#services.clock.now(),
      restartPolicy: this.#pod.spec.restartPolicy,
      containers: this.#slots.map((slot) => slot.view()),
      initialized: this.#initialized,
      ending: this.#ending,
    };
  }

  #graceMs(): number {
    const { metadata, spec } = this.#pod;
    return 1000 * (metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds);
  }

  #writeStatus(): void {
    if (this.#object === 'gone') return;
    const sources = {
      phase: phaseOf(this.#view()),
      slots: this.#slots,
      podIp: this.#address,
      startedAtMs: this.#startedAtMs,
      obstacle: this.#obstacle,
      unschedulable: this.#unschedulable,
      clockMs: this.#services.clock.now(),
    };
    this.#writer.write(statusOf(sources));
  }

  async #remove(): Promise<void> {
    const { network } = this.#services;
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {}); // the run's folder goes at its end anyway
    network.releasePodAddress(this.#address);
    if (this.#object === 'exists') await this.#writer.confirmEnd();
    this.#finished.resolve();
  }

  #slot(container: Container, role: Role): ContainerSlot {
    const { clock, now, print } = this.#services;
    const pod = this.#pod.metadata.name;
    const say = (text: string, isNote: boolean): void => print({ pod, container: container.name, text, isNote });
    const graceMs = this.#pod.spec.terminationGracePeriodSeconds * 1000;
    const events = {
      changed: () => this.#turn(),
      line: (text: string) => say(text, false),
      note: (text: string) => say(text, true),
    };
    return new ContainerSlot({ container, role, events, graceMs, clock, now });
  }

  async #context(container: Container): Promise<HandlerContext> {
    const { images, machine, clock, environment, network } = this.#services;
    const image = imageOf(container.image, images);
    const mappings = [...mountMappings(container, this.#volumes), ...image.files];
    const sources = {
      pod: this.#pod,
      podIp: this.#address,
      nodeName: NODE_NAME,
      secrets: this.#secrets ?? {},
      mappings,
      resolve: network.resolve,
    };
    const own = environmentOf(
      Object.entries(image.environment).map(([name, value]) => ({ name, value })),
      sources,
    );
    const temporary = mappings.find(({ inside }) => inside === '/tmp')?.outside;
    const all = {
      ...environment,
      ...(temporary === undefined ? {} : { TMPDIR: temporary }),
      ...own,
      ...environmentOf(container.env, sources),
      ...networkVariables(this.#address),
    };
    const directory = this.#folder;
    return { machine, clock, container, image, podIp: this.#address, environment: all, mappings, directory };
  }
}

function slotsOf(
  { spec }: LocalPod,
  make: (container: Container, role: Role) => ContainerSlot,
): readonly ContainerSlot[] {
  return [
    ...spec.initContainers.map((each) => make(each, each.restartPolicy === 'Always' ? 'sidecar' : 'init')),
    ...spec.containers.map((each) => make(each, 'main')),
  ];
}
