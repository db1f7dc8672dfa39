import { messageOf } from '@sluice/common/errors/error.ts';
import { hasReason } from '../../runtime/client/api-error.ts';
import type { ApplyConfiguration, Client } from '../../runtime/client/client.ts';
import type { Clock } from '../../runtime/queue/clock.ts';
import { LOCAL_POD, type LocalPod } from './pod.ts';
import type { LogLine } from './pod-worker.ts';
import type { PodCondition, PodStatus } from './status.ts';

/** Field managers: a status and an annotation are two applies, of which neither may take back the other's fields. */
const STATUS_MANAGER = 'kubelet';
const ANNOTATION_MANAGER = 'kubelet-annotations';

/** A write that fails is tried again after this. */
const RETRY_MS = 1000;

/** What a writer needs. */
export interface WriterServices {
  readonly client: Client;
  readonly clock: Clock;
  readonly now: () => number;
  readonly print: (line: LogLine) => void;
}

/** Writes what the kubelet has to say of one pod: one write at a time, always the latest state, nothing twice. */
export class StatusWriter {
  readonly #metadata: LocalPod['metadata'];
  readonly #services: WriterServices;
  #wanted: PodStatus | null = null;
  #written = '';
  #isWriting = false;
  #ended = false;
  readonly #conditions = new Map<string, { readonly status: string; readonly since: string }>();

  constructor(metadata: LocalPod['metadata'], services: WriterServices) {
    this.#metadata = metadata;
    this.#services = services;
  }

  /** Sets annotations of the pod; failing that, the pod runs without. */
  async annotate(annotations: Readonly<Record<string, string>>): Promise<void> {
    const object = this.#object({ metadata: { annotations } });
    await this.#services.client.apply(LOCAL_POD, object, ANNOTATION_MANAGER).catch((error) => this.#trouble(error));
  }

  /** Writes a status soon, unless a later one takes its place. */
  write(status: PodStatus): void {
    this.#wanted = status;
    if (!this.#isWriting) void this.#run();
  }

  /** Tells that nothing of the pod is left, which removes its object. */
  async confirmEnd(): Promise<void> {
    this.#ended = true;
    const { name, namespace, uid } = this.#metadata;
    for (;;) {
      try {
        await this.#services.client.delete(LOCAL_POD, { namespace, name }, { uid, gracePeriodSeconds: 0 });
        return;
      } catch (error) {
        if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return; // a successor has the name
        this.#trouble(error);
        await this.#pause();
      }
    }
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    while (this.#wanted !== null && !this.#ended) {
      const status = this.#wanted;
      this.#wanted = null;
      const text = JSON.stringify(status);
      if (text === this.#written) continue;
      const conditions = status.conditions.map((condition) => this.#dated(condition));
      try {
        const object = this.#object({ status: { ...status, conditions } });
        await this.#services.client.applyStatus(LOCAL_POD, object, STATUS_MANAGER);
        this.#written = text;
      } catch (error) {
        if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) break;
        this.#trouble(error);
        this.#wanted ??= status;
        await this.#pause();
      }
    }
    this.#isWriting = false;
  }

  #dated(condition: PodCondition): object {
    const { type, status } = condition;
    const known = this.#conditions.get(type);
    const since =
      known?.status === status ? known.since : `${new Date(this.#services.now()).toISOString().slice(0, 19)}Z`;
    this.#conditions.set(type, { status, since });
    return { ...condition, lastTransitionTime: since };
  }

  #object(content: { readonly metadata?: object; readonly status?: object }): ApplyConfiguration {
    const { name, namespace, uid } = this.#metadata;
    return { apiVersion: 'v1', kind: 'Pod', ...content, metadata: { ...content.metadata, name, namespace, uid } };
  }

  #trouble(error: unknown): void {
    const text = `the status cannot be written: ${messageOf(error)}`;
    this.#services.print({ pod: this.#metadata.name, container: '', text, isNote: true });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#services.clock.setTimer(() => resolve(), RETRY_MS);
    });
  }
}
