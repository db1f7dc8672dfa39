import { createReflector, type Reflector } from '../../runtime/cache/reflector.ts';
import { type Clock, MONOTONIC_CLOCK } from '../../runtime/queue/clock.ts';
import { LOCAL_POD, type LocalPod } from './pod.ts';
import { type PodServices, PodWorker } from './pod-worker.ts';

/** At the end of the run every container has this long to end by itself. */
const STOP_GRACE_MS = 2000;

/** What a kubelet needs; the clocks are the machine's if left out. */
export type KubeletOptions = Omit<PodServices, 'clock' | 'now'> & {
  readonly clock?: Clock;
  readonly now?: () => number;
};

/** Runs every pod of the API as processes of this machine. */
export interface Kubelet {
  /** What a container has printed; null if there is no such container. */
  logs(namespace: string, pod: string, container: string): string | null;
  /** Ends every process group and removes every folder; pods are left as they are in the API. */
  stop(): Promise<void>;
}

/** Starts a kubelet; pods that exist are started at once. */
export function startKubelet(options: KubeletOptions): Kubelet {
  const kubelet = new LocalKubelet({ clock: MONOTONIC_CLOCK, now: Date.now, ...options });
  kubelet.start();
  return kubelet;
}

class LocalKubelet implements Kubelet {
  readonly #services: PodServices;
  readonly #pods: Reflector<LocalPod>;
  readonly #workers = new Map<string, PodWorker>();
  #stopped = false;

  constructor(services: PodServices) {
    this.#services = services;
    const { client, print, now } = services;
    const onTrouble = (text: string): void => print({ pod: 'kubelet', container: '', text, isNote: true });
    this.#pods = createReflector({ client, type: LOCAL_POD, now, onTrouble });
  }

  start(): void {
    this.#pods.onChange(({ before, after }) => {
      if (after !== null) this.#take(after);
      else if (before !== null) this.#workers.get(before.metadata.uid)?.gone();
    });
    this.#pods.start();
  }

  logs(namespace: string, pod: string, container: string): string | null {
    const uid = this.#pods.store.get(`${namespace}/${pod}`)?.metadata.uid;
    return this.#workers.get(uid ?? '')?.log(container) ?? null;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.end(STOP_GRACE_MS, 'gone');
    await Promise.all([this.#pods.stop(), ...workers.map(({ done }) => done)]);
  }

  #take(pod: LocalPod): void {
    const { uid } = pod.metadata;
    const known = this.#workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      return;
    }
    if (this.#stopped) return;
    const worker = new PodWorker(pod, this.#services);
    this.#workers.set(uid, worker);
    void worker.done.then(() => this.#workers.delete(uid));
    void worker.start();
  }
}
