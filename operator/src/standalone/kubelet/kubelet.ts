import { messageOf } from '@sluice/common/errors/error.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import { LOCAL_POD } from '../api/shapes.ts';
import { PodRun, type PodServices } from './pod-run.ts';

/** At the end of the run every container has this long to end by itself. */
const STOP_GRACE_MS = 2000;

/** Runs every pod of the API as processes of this machine. */
export class Kubelet {
  readonly #services: PodServices;
  /** By the uid of the pod. */
  readonly #runs = new Map<string, PodRun>();
  readonly #unsubscribe: () => void;

  /** Begins; pods that exist are started at once. */
  constructor(services: PodServices) {
    this.#services = services;
    this.#unsubscribe = services.store.onEvent(({ kind, type, object }) => {
      if (kind.plural !== LOCAL_POD.plural) return;
      if (type === 'DELETED') this.#runs.get(uidOf(object))?.kill(0);
      else this.#take(object);
    });
    for (const object of services.store.list(LOCAL_POD)) this.#take(object);
  }

  /** What a container has printed, the first main one if the name is empty; null if there is no such container. */
  log(pod: JsonObject, container: string): string | null {
    return this.#runs.get(uidOf(pod))?.log(container) ?? null;
  }

  /** Ends every process group and removes every folder. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    const runs = [...this.#runs.values()];
    for (const run of runs) run.kill(STOP_GRACE_MS);
    await Promise.all(runs.map(({ done }) => done));
  }

  #take(object: JsonObject): void {
    const uid = uidOf(object);
    try {
      const pod = LOCAL_POD.parse(object);
      const run = this.#runs.get(uid) ?? new PodRun(pod, this.#services);
      if (!this.#runs.has(uid)) void run.done.finally(() => this.#runs.delete(uid));
      this.#runs.set(uid, run);
      const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
      if (deletionTimestamp !== undefined) run.delete(deletionGracePeriodSeconds);
    } catch (error) {
      const text = `Pod ${metadataOf(object).name} cannot be read: ${messageOf(error)}`;
      this.#services.print({ pod: 'kubelet', container: '', text, isNote: true });
    }
  }
}

function uidOf(object: JsonObject): string {
  return String(metadataOf(object).uid);
}
